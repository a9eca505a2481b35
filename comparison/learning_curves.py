"""curves.csv: the curves of all runs of a comparison, read from their TensorBoard events."""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.files import written_whole

CURVES = "curves.csv"
# What was read already, so that it is not read again.
INDEX = ".curves.json"
TAGS = {
    "accuracy": "accuracy/moving_average",
    "loss": "loss/train",
    "validation_accuracy": "accuracy/validation",
    "validation_loss": "loss/validation",
}
COLUMNS = ("run", "step", *TAGS)

Rows = list[list[str]]
Mark = list[Any]


def update_curves(folder: Path, names: Sequence[str]) -> None:
    """Write curves.csv, whole or not at all; only the events that changed since are read.

    Args:
        folder: of the comparison.
        names: of the runs, MODEL/NAME, in the order of the rows.
    """
    file = folder / CURVES
    index = _read_index(folder / INDEX)
    # Without the very file that the index was written for, nothing is known.
    old = index["runs"] if file.is_file() and index.get("curves") == _seal(file) else {}
    marks = {name: _marks(folder / "runs" / name) for name in names}
    marks = {name: mark for name, mark in marks.items() if mark}
    if old and list(old.items()) == list(marks.items()):
        return
    known = _read_rows(file) if old else {}
    with written_whole(file) as writing:
        table = csv.writer(writing, lineterminator="\n")
        table.writerow(COLUMNS)
        for name, mark in marks.items():
            same = old.get(name) == mark
            table.writerows(known.get(name, []) if same else _read_events(folder, name))
    with written_whole(folder / INDEX) as writing:
        json.dump({"curves": _seal(file), "runs": marks}, writing)


def _read_events(folder: Path, name: str) -> Rows:
    """The rows of a run: a step each, with what was measured at it."""
    from figures.overlay import read_scalars

    curves = read_scalars(folder / "runs" / name, list(TAGS.values()))
    steps = sorted({step for curve in curves.values() for step in curve})
    # As many digits as bring the very number back.
    return [
        [name, str(step), *(repr(c[step]) if step in c else "" for c in curves.values())]
        for step in steps
    ]


def _read_rows(file: Path) -> dict[str, Rows]:
    rows: dict[str, Rows] = {}
    with file.open(encoding="utf-8", newline="") as reading:
        table = csv.reader(reading)
        next(table, None)
        for row in table:
            rows.setdefault(row[0], []).append(row)
    return rows


def _read_index(file: Path) -> dict[str, Any]:
    try:
        index = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return index if isinstance(index, dict) and isinstance(index.get("runs"), dict) else {}


def _marks(run: Path) -> list[Mark]:
    return [_mark(file) for file in sorted(run.glob("events.out.tfevents.*"))]


def _seal(file: Path) -> Mark:
    """What changes when any bit of a file does."""
    return [*_mark(file), zlib.crc32(file.read_bytes())]


def _mark(file: Path) -> Mark:
    """What changes when a file does."""
    status = file.stat()
    return [file.name, status.st_size, status.st_mtime_ns]
