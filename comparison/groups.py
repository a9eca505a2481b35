"""Runs that differ in nothing but their seed, and what they say together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from comparison.records import Record


@dataclass(frozen=True)
class Group:
    """The runs of one architecture with the same settings.

    Attributes:
        model: name of the architecture.
        settings: what the grid sets, by flag.
        records: all runs, also failed and unfinished ones.
    """

    model: str
    settings: Mapping[str, str]
    records: Sequence[Record]

    @property
    def finished(self) -> list[Record]:
        return [record for record in self.records if record.finished]

    @property
    def solved(self) -> int | None:
        """How many of the finished runs converged; None where that was not asked of them."""
        asked = [record.solved for record in self.finished if record.solved is not None]
        return sum(asked) if asked else None

    def values(self, measure: str) -> list[float]:
        """The numbers of the finished runs that have one."""
        return [record.numbers[measure] for record in self.finished if measure in record.numbers]


def grouped(records: Iterable[Record]) -> list[Group]:
    """Put runs together that differ in nothing but their seed, in the order of the table."""
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[Record]] = {}
    for record in records:
        groups.setdefault((record.model, tuple(record.settings.items())), []).append(record)
    return [Group(model, dict(settings), each) for (model, settings), each in groups.items()]


def mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)


def deviation(values: Sequence[float]) -> float | None:
    """The standard deviation of a sample; None for fewer than 2 values, which have none."""
    return statistics.stdev(values) if len(values) > 1 else None


def spread(values: Sequence[float], number: Callable[[float], str]) -> str:
    """'0.91 ± 0.03', mean and standard deviation, or the mean alone, or nothing.

    Args:
        values: of the seeds.
        number: writes the mean; the deviation has as many decimals.
    """
    if not values:
        return ""
    middle, around = number(mean(values)), deviation(values)
    if around is None:
        return middle
    _, _, decimals = middle.partition(".")
    return f"{middle} ± {f'{around:,.{len(decimals)}f}' if 'e' not in middle else number(around)}"


def varied(records: Sequence[Record]) -> dict[str, list[str]]:
    """The settings that take more than one value, with these in the order of the table."""
    return {flag: values for flag, values in _values(records).items() if len(values) > 1}


def constant(records: Sequence[Record]) -> dict[str, str]:
    """The settings that the grid sets to one value in all runs."""
    return {flag: values[0] for flag, values in _values(records).items() if len(values) == 1}


def short_names(flags: Iterable[str]) -> dict[str, str]:
    """Of each flag its last part, such as length; the whole flag where two would be the same."""
    flags = list(flags)
    short = {flag: flag.rpartition(".")[2] for flag in flags}
    names = list(short.values())
    return {flag: flag if names.count(name) > 1 else name for flag, name in short.items()}


def _values(records: Sequence[Record]) -> dict[str, list[str]]:
    flags = dict.fromkeys(flag for record in records for flag in record.settings)
    return {
        flag: list(dict.fromkeys(record.settings.get(flag, "") for record in records))
        for flag in flags
    }


def is_number(text: str) -> bool:
    """Whether a value has a place on an axis of numbers."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
