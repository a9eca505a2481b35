"""From a grid to finished runs: what is to be run next, and what becomes of what has failed."""

from __future__ import annotations

import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from command_line.arguments import take_apart
from command_line.errors import UsageError
from command_line.known_flags import check_flags
from command_line.settings import flatten
from command_line.unwritable import concerns, told
from comparison.checking import MOST_PARSED, MOST_REHEARSED, check_settings
from comparison.definition import Definition
from comparison.display import Display
from comparison.engine import Answer, Engine
from comparison.folder import ComparisonFolder, State
from comparison.grid import Run
from comparison.one_run import Kind, Outcome, Task, carry_out, fixed_flags, flags_of
from comparison.time_left import Forecast

HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
# Of a run whose process dies, such as for want of memory.
MOST_RETRIES = 3
SECONDS_BETWEEN_LOOKS = 0.25
# Between two looks at a run that another comparison carries out.
SECONDS_ELSEWHERE = 2.0


class Stop:
    """Ctrl-C, SIGTERM and SIGHUP, noted."""

    def __init__(self) -> None:
        self.signals: list[int] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        numbers = [signal.SIGINT, signal.SIGTERM]
        # Not under nohup.
        if HANGUP is not None and signal.getsignal(HANGUP) is not signal.SIG_IGN:
            numbers.append(HANGUP)
        previous = {number: signal.signal(number, self._note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        # A terminal that is closed may say so more than once, and does not press for an end.
        if number != HANGUP or not self.signals:
            self.signals.append(number)


class Conductor:
    """Carries out runs that are not finished.

    Args:
        engine: that runs them.
        folder: of the comparison; it tells how far each has come.
        definition: of the comparison.
        threads: CPU threads of a run; None leaves them to the config.
        display: shows how far the whole is.
        after_run: called after each run that has ended.
        function: carries out a run in a process of the engine.
    """

    def __init__(
        self,
        engine: Engine,
        folder: ComparisonFolder,
        definition: Definition,
        threads: int | None,
        display: Display,
        after_run: Callable[[], None],
        function: Callable[[Task], Outcome] = carry_out,
    ) -> None:
        self.function = function
        self.engine, self.folder, self.threads = engine, folder, threads
        self.display, self.after_run = display, after_run
        self.config, self.fixed = definition.config, fixed_flags(definition)
        self.base = flatten(definition.base)
        self.stop = Stop()
        self.retries: Counter[Run] = Counter()
        self.queue: deque[Run] = deque()
        # Runs that others carry out, and when to look at them again.
        self.elsewhere: deque[tuple[float, Run]] = deque()
        self.forecast = Forecast(engine.idle)
        # They have taken longer than is seen of them.
        self.resumed: set[Run] = set()
        # Why nothing can be kept any more.
        self.unwritable = ""
        self._stopping = False
        display.seconds_left, display.how_far = self.seconds_left, folder.how_far

    def check(self, runs: Sequence[Run]) -> None:
        """Let the parser of `fit` understand the settings of all runs, and build some of them.

        Raises:
            UsageError: there is one that cannot be carried out.
        """
        commands, lengths = distinct(runs, self.fixed), self.folder.test_lengths
        for command in commands:
            # A typo need not wait for the parser.
            check_flags(take_apart(["fit", *command]), [self.base])
        rehearsed = distinct(runs, self.fixed, most=MOST_REHEARSED)
        self.engine.start(None, check_settings, self.config, commands, rehearsed, lengths)
        answers: list[Answer] = []
        while not answers and self._goes_on():
            answers = self.engine.wait(SECONDS_BETWEEN_LOOKS)
        for answer in answers:
            wrong = answer.value or answer.error or answer.death
            if wrong and not self.stop.signals:
                raise UsageError(wrong)

    def carry_out(self, runs: Sequence[Run]) -> None:
        """Carry out what is not finished and has not failed; a first seed of all comes first."""
        self.queue.extend(sorted(runs, key=lambda run: run.seed))
        while (self.queue or self.elsewhere or self.engine.busy) and self._goes_on():
            self._look_elsewhere()
            try:
                while self.queue and self.engine.idle and not self._stopping:
                    self._start(self.queue.popleft())
                for answer in self.engine.wait(SECONDS_BETWEEN_LOOKS):
                    self._note(answer.key, _outcome(answer))
            except OSError as error:
                if not concerns(error, self.folder.path):
                    raise
                self.unwritable = told(error, self.folder.path)
            self.display.show()

    def seconds_left(self) -> float | None:
        """How long the rest may take; None where nothing tells."""
        if self._stopping:
            return None
        now = time.monotonic()
        running = {run: now - begun for run, begun in self.display.running.items()}
        return self.forecast.left([*self.queue, *(run for _, run in self.elsewhere)], running)

    def _start(self, run: Run) -> None:
        if not self.folder.definition_file.is_file():
            self.unwritable = f"{self.folder.path} has been removed or moved meanwhile: put it back"
            return
        state = self.folder.state(run)
        if state in (State.FINISHED, State.FAILED):
            self._end(run)
            return
        if state in (State.BEGUN, State.TRAINED):
            self.resumed.add(run)
        self.display.running[run] = time.monotonic()
        task = Task(self.folder.path, run, self.fixed, self.threads, self.folder.test_lengths)
        self.engine.start(run, self.function, task)

    def _note(self, run: Run, outcome: Outcome) -> None:
        passed = time.monotonic() - self.display.running.pop(run)
        if outcome.kind in (Kind.FINISHED, Kind.FAILED):
            if outcome.kind is Kind.FINISHED and run not in self.resumed:
                self.forecast.note(run, passed)
            self._end(run)
        elif self._stopping:
            return
        elif outcome.kind is Kind.TAKEN:
            self.elsewhere.append((time.monotonic() + SECONDS_ELSEWHERE, run))
        elif outcome.kind is Kind.UNWRITABLE and self.folder.run(run).path.is_dir():
            # Not of the run alone, as where somebody has removed its folder: it would begin anew.
            self.unwritable = outcome.reason
        elif self.retries[run] < MOST_RETRIES:
            self.retries[run] += 1
            self.display.say(f"{run}: {outcome.reason}; it goes on from its checkpoint")
            self.queue.appendleft(run)
        else:
            self.folder.note_failure(run, f"{outcome.reason}, {MOST_RETRIES + 1} times")
            self._end(run)

    def _end(self, run: Run) -> None:
        """Count a run that has ended, here or elsewhere."""
        if self.folder.state(run) is State.FINISHED:
            self.display.finished += 1
        else:
            self.display.failed += 1
            self.display.say(f"failed: {run}: {self.folder.failure(run)}")
        self.after_run()

    def _look_elsewhere(self) -> None:
        while self.elsewhere and self.elsewhere[0][0] <= time.monotonic():
            self.queue.append(self.elsewhere.popleft()[1])

    def _goes_on(self) -> bool:
        """Whether to wait for more; after a first signal, only for what is under way."""
        if not self.stop.signals and not self.unwritable:
            return True
        if len(self.stop.signals) + bool(self.unwritable) > 1:
            self.engine.kill()
            return False
        if not self._stopping:
            self._stopping = True
            self.display.say("stopping: runs write their checkpoints; Ctrl-C again ends at once")
            self.engine.interrupt()
        return self.engine.busy > 0


def distinct(
    runs: Sequence[Run], fixed: dict[str, str], most: int = MOST_PARSED
) -> list[list[str]]:
    """Commands that together have every setting of some runs, whatever their seeds.

    Args:
        runs: of a grid.
        fixed: flags of all of them.
        most: combinations that are all there; of more, each setting is there once, with the first
            of the others.
    """
    different = list({(run.model, run.settings): run for run in runs}.values())
    if len(different) > most:
        seen: set[object] = set()
        few = []
        for run in different:
            # A setting of the model must be known to each of them.
            parts = {run.model, *run.settings}
            parts |= {(run.model, *each) for each in run.settings if each[0].startswith("model.")}
            if not parts <= seen:
                few.append(run)
                seen |= parts
        different = few
    return [flags_of(run, fixed) for run in different]


def _outcome(answer: Answer) -> Outcome:
    if answer.death is not None:
        return Outcome(Kind.DIED, answer.death)
    if answer.error is not None:
        # Whatever it is, it is not the run's own fault.
        return Outcome(Kind.DIED, answer.error)
    outcome: Outcome = answer.value
    return outcome
