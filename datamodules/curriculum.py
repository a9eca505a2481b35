"""A curriculum on length: short sequences first, longer ones as soon as those are solved.

Bengio, Louradour, Collobert and Weston (2009), "Curriculum learning"; for recurrent networks,
Zaremba and Sutskever (2014), "Learning to execute".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

# A loader draws the batch of a step while the step before it is still to be made. So what a step
# has shown counts from the second step after it on, and a resumed run draws the same batches again.
DRAWN_AHEAD = 1


@dataclass(frozen=True)
class Curriculum:
    """When sequences become longer, and when shorter again.

    Args:
        start: digits to begin with, at least 2.
        growth: T becomes ceil(growth T) once it is solved; above 1.
        window: steps that must all be without a mistake for T to be solved, at least 1, ...
        loss: ... and whose mean cross-entropy must be below this, in nats; above 0.
        patience: steps after which a T that is not solved is given up, at least `window`; null
            never does.
        fall_back: stages to go back then, at least 1, but not beyond the first.
    """

    start: int = 3
    growth: float = 1.25
    window: int = 5
    loss: float = 0.003
    patience: int | None = 50
    fall_back: int = 3

    def longer(self, length: int) -> int:
        """The next T."""
        # 1.1 times 110 is 121, but a little more in binary.
        return math.ceil(Fraction(str(self.growth)) * length)

    def check(self) -> None:
        """Raise a ValueError if a value is out of its range."""
        leasts = {"start": 2, "window": 1, "fall_back": 1}
        if self.patience is not None:
            leasts["patience"] = self.window
        for name, least in leasts.items():
            value = getattr(self, name)
            if value is None or value < least:
                raise ValueError(f"data.curriculum.{name} must be at least {least}, got {value}")
        for name, bound in (("growth", 1), ("loss", 0)):
            value = getattr(self, name)
            if value is None or not bound < value < math.inf:
                raise ValueError(f"data.curriculum.{name} must be above {bound}, got {value}")


class Stages:
    """The stages of a curriculum that a training passes through.

    Args:
        curriculum: what it goes by.
        length: of the task itself, its last stage.

    Attributes:
        entered: of each stage so far, the number of its first step, from 0, and its length.

    Raises:
        ValueError: a value of the curriculum is out of its range.
    """

    def __init__(self, curriculum: Curriculum, length: int) -> None:
        curriculum.check()
        self.curriculum, self.length = curriculum, length
        self.entered = [(0, curriculum.start)]
        # Lengths that led to the present one, which is the last of them.
        self._path = [curriculum.start]
        # Accuracy and loss of the last steps of this stage.
        self._recent: list[tuple[float, float]] = []
        self._is_over = False

    def length_at(self, step: int) -> int:
        """Digits that step number `step`, from 0, reads.

        Raises:
            ValueError: the step is below 0.
        """
        # Not by next(): to Lightning, a StopIteration out of a callback is the end of the data.
        _, length = max(stage for stage in self.entered if stage[0] <= step)
        return length

    def begins_at(self, step: int) -> bool:
        """Whether step number `step`, from 0, is the first one of a stage."""
        return any(first == step for first, _ in self.entered)

    def is_task(self, step: int) -> bool:
        """Whether a step is of the task itself, rather than of a stage on the way to it."""
        return self.length_at(step) == self.length

    def observe(self, step: int, accuracy: float, loss: float) -> None:
        """Take in a step: its number, from 0, its accuracy and its mean cross-entropy in nats."""
        first, length = self.entered[-1]
        if step < first or self._is_over:
            return
        rules = self.curriculum
        self._recent = [*self._recent, (accuracy, loss)][-rules.window :]
        accuracies, losses = zip(*self._recent, strict=True)
        # An accuracy is a mean over devices, exact only to float32.
        flawless = len(accuracies) == rules.window and min(accuracies) >= 1 - 1e-6
        if flawless and sum(losses) / len(losses) < rules.loss:
            if length == self.length:
                self._is_over = True
            else:
                self._enter([*self._path, min(self.length, rules.longer(length))], step)
        # From the start there is nothing to fall back to.
        elif len(self._path) > 1 and step + 1 - first >= (rules.patience or math.inf):
            self._enter(self._path[: -rules.fall_back] or self._path[:1], step)

    def state_dict(self) -> dict[str, Any]:
        return {
            "entered": [list(stage) for stage in self.entered],
            "path": list(self._path),
            "recent": [list(shown) for shown in self._recent],
            "is_over": self._is_over,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.entered = [(first, length) for first, length in state["entered"]]
        self._path = list(state["path"])
        self._recent = [(accuracy, loss) for accuracy, loss in state["recent"]]
        self._is_over = state["is_over"]

    def _enter(self, path: list[int], step: int) -> None:
        self._path, self._recent = path, []
        self.entered.append((step + 1 + DRAWN_AHEAD, path[-1]))
