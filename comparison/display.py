"""What a person sees of a whole grid: one line that moves, or a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from command_line.names import visible
from comparison.grid import Run

SECONDS_BETWEEN_REFRESHES = 0.5
SECONDS_BETWEEN_LINES = 10.0


class Display:
    """How many runs are done, running and failed, and how long the rest may take.

    It fits a terminal of 80 columns. Where the output is no terminal, a line every ten seconds
    stands in for the bar.

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
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._next = 0.0
        self._shown = ""
        self._bar: Progress | None = None

    def __enter__(self) -> Display:
        if self.console.is_terminal:
            self._bar = Progress(
                BarColumn(bar_width=None),
                TextColumn("{task.fields[words]}"),
                console=self.console,
                auto_refresh=False,
                expand=True,
            )
            self._bar.add_task("", total=self.total, completed=self.finished, words=self.words())
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.show(now=True)
        if self._bar:
            self._bar.stop()
            self._bar = None

    def words(self) -> str:
        """'12 of 40 done, 2 running, 1 failed, 0:05:30 left'."""
        words = f"{self.finished} of {self.total} done, {len(self.running)} running"
        if self.failed:
            words += f", {self.failed} failed"
        left = round(self.seconds_left() or 0.0)
        # A run that takes longer than expected tells nothing of when it ends.
        if left:
            words += f", about {timedelta(seconds=left)} left"
        return words

    def show(self, now: bool = False) -> None:
        """Draw the state of things, unless it has just been drawn.

        Args:
            now: draw it in any case.
        """
        if not now and time.monotonic() < self._next:
            return
        if self._bar:
            done = self.finished + self.failed
            words = escape(self.words())
            self._bar.update(self._bar.task_ids[0], completed=done, words=words, refresh=True)
            self._next = time.monotonic() + SECONDS_BETWEEN_REFRESHES
        elif (words := self.words()) != self._shown:
            self.console.print(escape(words))
            self._shown = words
            self._next = time.monotonic() + SECONDS_BETWEEN_LINES

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(escape(visible(line)))
