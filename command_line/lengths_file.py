"""lengths.csv: what a network comes to at many lengths. Imports nothing heavy."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from storage.files import written_whole

LENGTHS = "lengths.csv"


class AtLength(NamedTuple):
    """What a network comes to on the test set of a length.

    Attributes:
        trained_length, test_length: what an example has to read, T, in steps.
        loss: mean cross-entropy, in nats.
        accuracy: from 0 to 1.
        guessing: the accuracy of guessing.
    """

    trained_length: int
    test_length: int
    loss: float
    accuracy: float
    guessing: float


def write_lengths(path: Path, measured: Iterable[AtLength]) -> None:
    """Write a row a length, whole or not at all; a loss that is not finite is left empty.

    Raises:
        OSError: the file cannot be written.
    """
    with written_whole(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(AtLength._fields)
        for each in measured:
            table.writerow("" if not math.isfinite(value) else repr(value) for value in each)


def read_lengths(path: Path) -> list[dict[str, str]]:
    """The rows, by column, as they are written; none where the file is missing, or not whole."""
    try:
        text = path.read_text(encoding="utf-8")
        columns, *rows = csv.reader(text.splitlines())
        numbers = [[float(cell or "nan") for cell in row] for row in rows]
    except (OSError, ValueError, csv.Error):
        return []
    whole = text.endswith("\n") and all(len(row) == len(columns) for row in numbers)
    if not whole or columns != list(AtLength._fields):
        return []
    return [dict(zip(columns, row, strict=True)) for row in rows]
