"""Tables of comma-separated values, read with a line of what is wrong with them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

from storage.texts import decode

# As a spreadsheet writes numbers where a comma stands before the decimals.
DECIMAL_COMMA = re.compile(r"([+-]?\d*),(\d+([eE][+-]?\d+)?)")


# Columns, and rows with the number of the line where each ends.
Table = tuple[list[str], list[tuple[int, dict[str, str]]]]


def read_table(file: Path, needed: Iterable[str]) -> Table:
    """The columns of a CSV file, and its rows with the number of the line where each ends.

    A spreadsheet may have written it: with semicolons or tabs between cells, and then with commas
    before decimals, which become points here.

    Raises:
        ValueError: there is no such file, it is not such a table, or lacks a column; a column is
            there twice, or a row has more cells than there are columns.
    """
    try:
        text = decode(file.read_bytes(), str(file))
    except FileNotFoundError:
        raise ValueError(f"{file.parent} has no {file.name}") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    header = text.partition("\n")[0]
    between = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=between)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cells)]
    except csv.Error:
        raise ValueError(f"{file} is not a table of comma-separated values") from None
    columns = _without_empty_end(lines.pop(0)[1]) if lines else []
    for column in needed:
        if column not in columns:
            raise ValueError(f"{file} has no column {column}")
    if len(twice := sorted(column for column in set(columns) if columns.count(column) > 1)):
        raise ValueError(f"{file} has column {twice[0]} twice")
    rows = []
    for number, cells in lines:
        cells = _without_empty_end(cells)
        if len(cells) > len(columns):
            raise ValueError(f"{file}, line {number}: there are more cells than columns")
        if between != ",":
            cells = [_with_point(cell) for cell in cells]
        rows.append((number, dict(zip_longest(columns, cells, fillvalue=""))))
    return columns, rows


def _without_empty_end(cells: list[str]) -> list[str]:
    """Spreadsheets write empty cells beside a table too."""
    filled = [number for number, cell in enumerate(cells, start=1) if cell]
    return cells[: filled[-1]]


def _with_point(cell: str) -> str:
    return DECIMAL_COMMA.sub(r"\1.\2", cell) if DECIMAL_COMMA.fullmatch(cell) else cell


def number_in(text: str, column: str, where: str) -> float | None:
    """The number in a cell; None where it is empty.

    Raises:
        ValueError: it is no number.
    """
    try:
        return float(text) if text else None
    except ValueError:
        raise ValueError(f"{where}: {column} must be a number, got {text}") from None
