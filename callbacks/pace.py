"""How fast a training goes just now, and how long it will take at that pace."""

from __future__ import annotations

from collections import deque

# Seconds of the past that count: the first ones of a run, and what has long passed, do not.
WINDOW = 10.0


class Pace:
    """Steps a second of the recent past, without validations; these count in what is to come.

    Args:
        step: of the run, after which the training begins.
    """

    def __init__(self, step: int) -> None:
        self._validated_at, self._validation_a_step = step, 0.0
        # For how long all validations took together.
        self._paused = 0.0
        # Seconds of training, and the step come to.
        self._past: deque[tuple[float, int]] = deque()

    def note(self, now: float, step: int) -> None:
        """Take in how far the training has come.

        Args:
            now: in seconds, by a clock that never goes back.
            step: come to.
        """
        now -= self._paused
        self._past.append((now, step))
        while len(self._past) > 2 and self._past[1][0] <= now - WINDOW:
            self._past.popleft()

    def validated(self, seconds: float, step: int) -> None:
        """Take in how long the validation of a step took."""
        self._validation_a_step = seconds / max(step - self._validated_at, 1)
        self._validated_at = step
        self._paused += seconds

    @property
    def steps_per_second(self) -> float | None:
        """None as long as it is not known."""
        if not self._past:
            return None
        (first, before), (last, after) = self._past[0], self._past[-1]
        return (after - before) / (last - first) if last > first and after > before else None

    def seconds_for(self, steps: int) -> float | None:
        """What so many more steps will take, with their validations; None if it is not known."""
        speed = self.steps_per_second
        return None if speed is None else steps * (1 / speed + self._validation_a_step)
