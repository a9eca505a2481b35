"""Seconds of training, without those of validation, over all parts of a resumed run."""

from __future__ import annotations

import time


class Stopwatch:
    """Adds up the seconds between each `start` and `stop`."""

    def __init__(self) -> None:
        self._before = 0.0
        self._started: float | None = None

    @property
    def seconds(self) -> float:
        running = time.perf_counter() - self._started if self._started is not None else 0.0
        return self._before + running

    def start(self) -> None:
        if self._started is None:
            self._started = time.perf_counter()

    def stop(self) -> None:
        self.reset(self.seconds)

    def reset(self, seconds: float) -> None:
        """Stand still at this many seconds."""
        self._before, self._started = seconds, None
