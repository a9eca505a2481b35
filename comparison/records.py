"""What the CSVs of a comparison hold, read back; all that tables and figures are made from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from command_line.lengths_file import LENGTHS, AtLength
from comparison.csv_table import Table, number_in, read_table
from comparison.learning_curves import CURVES, TAGS
from comparison.measured_lengths import COLUMNS
from comparison.results import FAILED, FINISHED, FIRST, LAST, MEASURED, RESULTS, STATES

SOLVED = {"true": True, "false": False, "": None}
# Of each column, (step, value) in the order of the steps.
Curve = Mapping[str, list[tuple[float, float]]]


@dataclass(frozen=True)
class Record:
    """A row of results.csv.

    Attributes:
        run: MODEL/NAME.
        model: name of the architecture.
        settings: what the grid sets, by flag, as typed.
        seed: of the run.
        state: finished, failed or unfinished.
        solved: whether it converged; None where that was not asked, or the run is not finished.
        numbers: what was measured, by column; what is unknown or not finite is left out.
        error: of a run that failed.
    """

    run: str
    model: str
    settings: Mapping[str, str]
    seed: str
    state: str
    solved: bool | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def finished(self) -> bool:
        return self.state == FINISHED

    @property
    def failed(self) -> bool:
        return self.state == FAILED


def read_results(folder: Path) -> list[Record]:
    """Read results.csv.

    Raises:
        ValueError: the folder has none, or the file is not a table of results.
    """
    file = folder / RESULTS
    columns, rows = _read_whole(file, (*FIRST, *LAST))
    flags = columns[len(FIRST) : columns.index(LAST[0])]
    return [_record(row, flags, f"{file}, line {line}") for line, row in rows]


def read_curves(folder: Path) -> dict[str, Curve]:
    """Read curves.csv: the curves of each run, by name; empty where the file is missing.

    Raises:
        ValueError: the file is not a table of curves.
    """
    file = folder / CURVES
    if not file.is_file():
        return {}
    _, rows = _read_whole(file, ("run", "step", *TAGS))
    curves: dict[str, Curve] = {}
    for line, row in rows:
        where = f"{file}, line {line}"
        step = number_in(row["step"], "step", where)
        curve = curves.setdefault(row["run"], {name: [] for name in TAGS})
        for name in TAGS:
            value = number_in(row[name], name, where)
            if value is not None and step is not None:
                curve[name].append((step, value))
    return curves


def read_lengths(folder: Path) -> dict[str, list[AtLength]]:
    """Read lengths.csv: what each run comes to at many lengths, by name; empty without the file.

    Raises:
        ValueError: the file is not a table of lengths.
    """
    file = folder / LENGTHS
    if not file.is_file():
        return {}
    _, rows = _read_whole(file, COLUMNS)
    lengths: dict[str, list[AtLength]] = {}
    for line, row in rows:
        numbers = (number_in(row[name], name, f"{file}, line {line}") for name in AtLength._fields)
        # What is left empty is a loss that is not finite.
        measured = AtLength._make(math.nan if each is None else each for each in numbers)
        lengths.setdefault(row["run"], []).append(measured)
    return lengths


def ending_early(records: Iterable[Record], curves: Mapping[str, Curve]) -> list[str]:
    """The runs that are finished, but whose curves end before their last step."""
    last = {
        run: max((step for points in curve.values() for step, _ in points), default=0)
        for run, curve in curves.items()
    }
    return [
        each.run
        for each in records
        if each.finished and each.run in last and last[each.run] < each.numbers.get("steps", 0)
    ]


def _read_whole(file: Path, needed: Iterable[str]) -> Table:
    """A table that was written here, and so ends with the end of a line.

    Raises:
        ValueError: it does not, or as in `read_table`.
    """
    table = read_table(file, needed)
    if not file.read_bytes().endswith((b"\n", b"\r")):
        raise ValueError(f"{file} is cut off: its last line has no end")
    return table


def _record(row: Mapping[str, str], flags: list[str], where: str) -> Record:
    for column, words in (("state", STATES), ("solved", tuple(SOLVED))):
        if row[column] not in words:
            right = ", ".join(word or "nothing" for word in words)
            raise ValueError(f"{where}: {column} must be one of {right}, got {row[column]}")
    numbers = {name: number_in(row[name], name, where) for name in MEASURED}
    return Record(
        run=row["run"],
        model=row["model"],
        settings={flag: row[flag] for flag in flags},
        seed=row["seed"],
        state=row["state"],
        solved=SOLVED[row["solved"]],
        numbers={
            name: value
            for name, value in numbers.items()
            if value is not None and math.isfinite(value)
        },
        error=row["error"],
    )
