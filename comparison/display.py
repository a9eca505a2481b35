"""What a person sees of a whole grid: lines that move, or lines now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from command_line.names import visible
from comparison.grid import Run
from figures.panels import shortened

SECONDS_BETWEEN_REFRESHES = 0.5
# In a log, where something has changed; where nothing has, each after twice as long.
SECONDS_BETWEEN_LINES = 10.0
MOST_SECONDS_BETWEEN_LINES = 600.0
MOST_RUNS = 8
SHORTEST_BAR = 6
# Characters of a run's name, beside how far it has come.
SHORTEST_NAME = 12


class Display:
    """How many runs are done, running and failed, how long the rest may take; how far each is.

    It fits any terminal: the names of runs are shortened, and never their numbers. Where the output
    is no terminal, lines at growing intervals stand in for the bar.

    Args:
        total: runs of the grid.
        finished: of them, those that are finished already.
        failed: of them, those that have failed and are not tried again.
        console: where to draw; the standard output if None.
    """

    def __init__(
        self, total: int, finished: int, failed: int, console: Console | None = None
    ) -> None:
        self.total, self.finished, self.failed = total, finished, failed
        # Since when, by the clock of this process.
        self.running: dict[Run, float] = {}
        # None where it is unknown.
        self.seconds_left: Callable[[], float | None] = lambda: None
        # In words.
        self.how_far: Callable[[Run], str] = lambda run: ""
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._next = 0.0
        self._between_lines = SECONDS_BETWEEN_LINES
        self._counted: tuple[int, ...] = ()
        self._shown: list[str] = []
        self._bar: Live | None = None

    def __enter__(self) -> Display:
        if self.console.is_terminal:
            self._bar = Live(self._drawn(), console=self.console, auto_refresh=False)
            self._bar.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.show(now=True)
        if self._bar:
            self._bar.stop()
            self._bar = None

    def words(self) -> str:
        """'12 of 40 done, 2 running, 1 failed, about 0:05:30 left'."""
        return ", ".join(self._parts())

    def _parts(self) -> list[str]:
        parts = [f"{self.finished} of {self.total} done", f"{len(self.running)} running"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        left = round(self.seconds_left() or 0.0)
        # A run that takes longer than expected tells nothing of when it ends.
        if left:
            parts.append(f"about {timedelta(seconds=left)} left")
        return parts

    def runs(self, width: int) -> list[str]:
        """A line for each run that is under way, or for some of them: its name, and how far it is.

        Args:
            width: that each may have at most.
        """
        told = {visible(str(run)): self.how_far(run) for run in list(self.running)[:MOST_RUNS]}
        if not told:
            return []
        numbers = max(map(len, told.values()))
        room = max(SHORTEST_NAME, width - numbers - 4)
        names = [shortened(name, room) for name in told]
        longest = max(map(len, names))
        lines = [
            f"  {name:{longest}}  {words}".rstrip()
            for name, words in zip(names, told.values(), strict=True)
        ]
        if len(self.running) > MOST_RUNS:
            lines.append(f"  and {len(self.running) - MOST_RUNS} more")
        return lines

    def show(self, now: bool = False) -> None:
        """Draw the state of things, unless it has just been drawn.

        Args:
            now: draw it in any case.
        """
        time_is = time.monotonic()
        if self._bar:
            if now or time_is >= self._next:
                self._bar.update(self._drawn(), refresh=True)
                self._next = time_is + SECONDS_BETWEEN_REFRESHES
            return
        counted = (self.finished, self.failed, len(self.running))
        if counted != self._counted:
            # What has changed is told soon, however long nothing has.
            self._next = min(self._next, time_is + SECONDS_BETWEEN_LINES)
            self._counted, self._between_lines = counted, SECONDS_BETWEEN_LINES
        lines = [self.words(), *self.runs(self.console.width)]
        if (now or time_is >= self._next) and lines != self._shown:
            for line in lines:
                self.console.print(escape(line))
            self._shown = lines
            self._next = time_is + self._between_lines
            self._between_lines = min(2 * self._between_lines, MOST_SECONDS_BETWEEN_LINES)

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(escape(visible(line)))

    def _drawn(self) -> Table:
        width, parts = self.console.width, self._parts()
        # Parts that there is no room for are left out, the last ones first.
        while len(words := ", ".join(parts)) > width and len(parts) > 1:
            parts.pop()
        first, lines = Table.grid(padding=(0, 2), pad_edge=False, expand=True), Table.grid()
        if width - len(words) - 2 >= SHORTEST_BAR:
            first.add_column(ratio=1)
            first.add_column(width=len(words))
            first.add_row(ProgressBar(self.total, self.finished + self.failed), _text(words))
        else:
            first.add_row(_text(words))
        lines.add_row(first)
        for line in self.runs(width):
            lines.add_row(_text(line))
        return lines


def _text(line: str) -> Text:
    return Text(line, no_wrap=True, overflow="crop")
