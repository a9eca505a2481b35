"""What others have reported, as a table: to be drawn beside what a comparison came to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from command_line.errors import UsageError, did_you_mean
from comparison.csv_table import number_in, read_table
from comparison.definition import GROUPS
from comparison.measures import MEASURES

# In the folder of a comparison.
BESIDE = "beside.csv"
NEEDED = ("source", "model")
# For people.
NOTE = "note"


@dataclass(frozen=True)
class Reported:
    """A row of the table.

    Attributes:
        source: who reports it, and how it is known.
        model: name of the architecture.
        settings: of flags that are numbers.
        numbers: what it came to, by measure.
    """

    source: str
    model: str
    settings: Mapping[str, float]
    numbers: Mapping[str, float]

    @property
    def name(self) -> str:
        return f"{self.model}, {self.source}"


def read_beside(folder: Path) -> list[Reported]:
    """Read beside.csv of a comparison; empty where the file is missing.

    Raises:
        ValueError: the file is not a table of what others have reported.
    """
    file = folder / BESIDE
    return _read(file) if file.is_file() else []


def check_beside(file: Path) -> None:
    """Make sure that a file is a table of what others have reported.

    Raises:
        UsageError: it is missing, or something is wrong in it.
    """
    try:
        _read(file)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _read(file: Path) -> list[Reported]:
    columns, rows = read_table(file, NEEDED)
    flags = [column for column in columns if _is_flag(column)]
    measures = [column for column in columns if column in MEASURES]
    for column in columns:
        if column not in (*NEEDED, NOTE, *flags, *measures):
            hint = did_you_mean(column, (*NEEDED, NOTE, *MEASURES, "data.length"))
            raise ValueError(f"{file}: column {column} is neither a flag nor a measure{hint}")
    return [
        Reported(
            source=row["source"],
            model=row["model"],
            settings=_numbers(row, flags, f"{file}, line {line}"),
            numbers=_numbers(row, measures, f"{file}, line {line}"),
        )
        for line, row in rows
    ]


def _is_flag(column: str) -> bool:
    group, dot, _ = column.partition(".")
    return group in GROUPS and bool(dot)


def _numbers(row: Mapping[str, str], columns: list[str], where: str) -> dict[str, float]:
    """What is in some columns, but for empty cells."""
    numbers = {column: number_in(row[column], column, where) for column in columns}
    there = {column: number for column, number in numbers.items() if number is not None}
    for column, number in there.items():
        lowest, highest = MEASURES[column].limits if column in MEASURES else (None, None)
        low = lowest is not None and number < lowest
        high = highest is not None and number > highest
        # Such as an accuracy in percent, which would be far above the axes.
        if low or high or not math.isfinite(number):
            raise ValueError(f"{where}: {column} cannot be {row[column]}")
    return there
