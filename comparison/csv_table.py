"""Tables of comma-separated values, read with a line of what is wrong with them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path


def read_table(
    file: Path, needed: Iterable[str]
) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The columns of a CSV file, and its rows with the number of the line where each ends.

    Raises:
        ValueError: there is no such file, it is not such a table, or lacks a column.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as reading:
            table = csv.DictReader(reading, restkey="", restval="")
            columns = list(table.fieldnames or [])
            for column in needed:
                if column not in columns:
                    raise ValueError(f"{file} has no column {column}")
            rows = [(table.line_num, row) for row in table]
    except FileNotFoundError:
        raise ValueError(f"{file.parent} has no {file.name}") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(f"{file} is not a table of comma-separated values") from None
    return columns, rows


def number_in(text: str, column: str, where: str) -> float | None:
    """The number in a cell; None where it is empty.

    Raises:
        ValueError: it is no number.
    """
    try:
        return float(text) if text else None
    except ValueError:
        raise ValueError(f"{where}: {column} must be a number, got {text}") from None
