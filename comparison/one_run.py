"""One run of a comparison, carried out in this process: the same in every engine."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from command_line.run_folder import TAKEN
from command_line.standard_output import forgiving_streams
from command_line.unwritable import THEN, concerns, told
from comparison.definition import Definition
from comparison.folder import ComparisonFolder, State
from comparison.grid import Run
from storage.lock import taken

LONGEST_REASON = 300
# What the program begins its last line with.
ERROR = "train.py: error: "


class Kind(Enum):
    """How an attempt at a run ended."""

    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    TAKEN = "taken by another process"
    DIED = "died"
    UNWRITABLE = "its place takes no more files"


@dataclass(frozen=True)
class Outcome:
    """Of an attempt at a run: how it ended, and why."""

    kind: Kind
    reason: str = ""


@dataclass(frozen=True)
class Task:
    """A run to carry out.

    Attributes:
        folder: of the comparison.
        run: of its grid.
        fixed: flags of `fit` that all runs have, without dashes, and their values as typed.
        threads: CPU threads; None leaves them to the config.
        test_lengths: that it is measured at once it has trained.
    """

    folder: Path
    run: Run
    fixed: Mapping[str, str]
    threads: int | None
    test_lengths: tuple[int, ...] = ()

    def flags(self) -> list[str]:
        """What `train.py` is told, to train."""
        flags = ["fit", f"--config={ComparisonFolder(self.folder).config_file}"]
        flags += flags_of(self.run, self.fixed)
        flags += [f"--run.root={self.folder}", "--run.experiment=runs"]
        flags.append(f"--run.name={self.run.name}")
        return flags + self._threads()

    def flags_to_measure(self) -> list[str]:
        """What `train.py` is told once the run has trained."""
        lengths = ",".join(map(str, self.test_lengths))
        run = ComparisonFolder(self.folder).run(self.run).path
        return ["test", f"--ckpt_path={run}", f"--lengths={lengths}", *self._threads()]

    def _threads(self) -> list[str]:
        return [] if self.threads is None else [f"--threads={self.threads}"]


def flags_of(run: Run, fixed: Mapping[str, str]) -> list[str]:
    """What makes a run, on top of the base config."""
    settings = {**fixed, **dict(run.settings)}
    return [
        f"--model={run.model}",
        *(f"--{flag}={value}" for flag, value in settings.items()),
        f"--seed_everything={run.seed}",
        "--trainer.enable_progress_bar=false",
    ]


def fixed_flags(definition: Definition) -> dict[str, str]:
    """The fixed flags of all runs, one device among them where the config leaves it open."""
    trainer = definition.base.get("trainer")
    devices = trainer.get("devices") if isinstance(trainer, dict) else None
    return {**({"trainer.devices": "1"} if devices in (None, "auto") else {}), **definition.fixed}


def carry_out(task: Task) -> Outcome:
    """Carry out a run, or go on with it, and measure it; what it prints goes to its log.

    Who has the log has the run, so that two comparisons of one folder do not share one.
    """
    try:
        return _carry_out(task)
    except OSError as error:
        if not concerns(error, task.folder):
            raise
        return Outcome(Kind.UNWRITABLE, told(error, task.folder))


def _carry_out(task: Task) -> Outcome:
    folder, run = ComparisonFolder(task.folder, task.test_lengths), task.run
    log = folder.log(run)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a+", encoding="utf-8", errors="replace") as file:
        if not taken(file.fileno()):
            return Outcome(Kind.TAKEN)
        # Another comparison may have come first.
        state = folder.state(run)
        if state is State.FINISHED:
            return Outcome(Kind.FINISHED)
        if state is State.FAILED:
            return Outcome(Kind.FAILED, folder.failure(run))
        outcome = Outcome(Kind.FINISHED)
        if state is not State.TRAINED:
            flags = task.flags() + ["--ckpt_path=last"] * (state is State.BEGUN)
            outcome = _program(flags, file.fileno(), log)
        if outcome.kind is Kind.FINISHED and folder.state(run) is State.TRAINED:
            outcome = _program(task.flags_to_measure(), file.fileno(), log)
            if outcome.kind is Kind.FAILED:
                outcome = Outcome(Kind.FAILED, f"trained, but not measured: {outcome.reason}")
        if outcome.kind is Kind.FINISHED and folder.state(run) is not State.FINISHED:
            outcome = Outcome(Kind.FAILED, "it ended without a result")
        if outcome.kind is Kind.FAILED:
            folder.note_failure(run, outcome.reason)
        return outcome


def _program(flags: list[str], descriptor: int, log: Path) -> Outcome:
    from command_line.program import main
    from comparison.isolation import unchanged_process

    with forgiving_streams(), _output_to(descriptor), unchanged_process():
        print(f"$ python train.py {shlex.join(flags)}", flush=True)
        try:
            code = main(flags)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) and ended.code != 1 else 2
        except Exception as error:
            traceback.print_exc()
            lines = traceback.format_exception_only(error)
            return Outcome(Kind.FAILED, " ".join("".join(lines).split())[:LONGEST_REASON])
    if code == 0:
        return Outcome(Kind.FINISHED)
    if code > 128:
        return Outcome(Kind.INTERRUPTED, f"signal {code - 128}")
    line = _last_line(log)
    reason = line.removeprefix(ERROR)[:LONGEST_REASON]
    if code == 1:
        # Its log may not have taken the line.
        reason = reason.partition(THEN)[0] if line.startswith(ERROR) else "its log is cut off"
        return Outcome(Kind.UNWRITABLE, reason)
    return Outcome(Kind.TAKEN if reason.startswith(TAKEN) else Kind.FAILED, reason)


@contextmanager
def _output_to(descriptor: int) -> Iterator[None]:
    """Let what this process writes, in any language, go to a file."""
    kept = []
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        kept.append(os.dup(number))
        os.dup2(descriptor, number)
    try:
        yield
    finally:
        for stream, number, original in zip((sys.stdout, sys.stderr), (1, 2), kept, strict=True):
            stream.flush()
            os.dup2(original, number)
            os.close(original)


def _last_line(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no reason is told")
