"""What is measured of a run, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comparison.records import Record


@dataclass(frozen=True)
class Measure:
    """A column of results.csv, for people.

    Attributes:
        title: above a column of the table.
        label: of an axis, with the unit.
        number: how a value is written.
        rank: the higher, the sooner it is left out of a narrow table.
        limits: between which all values lie, where there are any.
    """

    title: str
    label: str
    number: Callable[[float], str]
    rank: int
    limits: tuple[float | None, float | None] = (None, None)

    @property
    def name(self) -> str:
        """The label without what stands in brackets."""
        return self.label.partition(" (")[0]


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _share(value: float) -> str:
    return f"{value:.3f}"


def _significant(value: float) -> str:
    """Three digits that count, without an exponent where that is short."""
    if value == 0 or not 1e-4 <= abs(value) < 1e5:
        return f"{value:.3g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


SHARE = (0.0, 1.0)
FROM_ZERO = (0.0, None)
MEASURES = {
    "accuracy": Measure(
        "accuracy", "best accuracy (moving average of the training)", _share, 2, SHARE
    ),
    "steps_to_converge": Measure("steps to converge", "steps to converge", _whole, 2, FROM_ZERO),
    "validation_accuracy": Measure("validation", "validation accuracy", _share, 4, SHARE),
    "validation_loss": Measure("loss", "validation loss (nats)", _significant, 5, FROM_ZERO),
    "test_accuracy": Measure("test", "test accuracy", _share, 3, SHARE),
    "parameters": Measure("parameters", "parameters", _whole, 7, FROM_ZERO),
    "seconds": Measure("seconds", "time of training (s)", _significant, 6, FROM_ZERO),
}


def measures_of(records: Sequence[Record]) -> list[str]:
    """What these runs are compared by: what they were to reach, or what was held out from them."""
    finished = [record for record in records if record.finished]
    there = {name for record in finished for name in record.numbers}
    if any(record.solved is not None for record in finished):
        wanted = ["accuracy", "steps_to_converge", "test_accuracy"]
    else:
        wanted = ["accuracy", "validation_accuracy", "validation_loss", "test_accuracy"]
    return [name for name in wanted if name in there]


def headline(records: Sequence[Record]) -> str:
    """The one accuracy that says most: of the test, of the validation, or of the training.

    What a run was to reach in training goes before the validation.
    """
    by = measures_of(records)
    ranked = ("test_accuracy", "validation_accuracy", "accuracy")
    return next((name for name in ranked if name in by), "accuracy")
