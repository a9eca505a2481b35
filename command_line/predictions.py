"""Predictions for the nodes of a graph, as a table of comma-separated values."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from torch import Tensor

from command_line.errors import UsageError
from command_line.names import check_shown
from command_line.standard_output import standard_output
from command_line.unwritable import cannot_write
from storage.files import check_file, written_whole

HEADER = ("node", "class", "probability")


def check_output(path: Path) -> None:
    """Make sure that a file can be written without anything being lost.

    Raises:
        UsageError: there is something, or no folder to write it to.
    """
    check_shown("--output", str(path))
    # Also a link to nowhere; and a name that cannot be one is told where it is opened.
    if os.path.lexists(path):
        raise UsageError(f"--output {path} is there already: name another file")
    if not path.parent.is_dir():
        raise UsageError(f"--output {path}: there is no folder {path.parent}")
    check_writable(path)


def check_writable(path: Path) -> None:
    """Make sure that a file can be written, before the work that it is to hold.

    Raises:
        UsageError: it cannot.
    """
    try:
        check_file(path)
    except OSError as error:
        raise cannot_write(path, error, f"{path} cannot be written: {error.strerror}") from None


def write_predictions(path: Path | None, batches: Iterable[tuple[Tensor, Tensor]]) -> int:
    """Write a line a node: its number, its likeliest class, and how probable that is.

    Args:
        path: where to; None is the standard output.
        batches: of each graph, the classes (N,) and their probabilities (N,).

    Returns:
        How many nodes there were.

    Raises:
        UsageError: the file cannot be written.
    """
    if path is None:
        with standard_output():
            return _write(sys.stdout, batches)
        return 0
    try:
        with written_whole(path) as file:
            return _write(file, batches)
    except OSError as error:
        raise cannot_write(path, error, f"--output {path}: {error.strerror}") from None


def _write(file: IO[Any], batches: Iterable[tuple[Tensor, Tensor]]) -> int:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(HEADER)
    node = 0
    for classes, probabilities in batches:
        for each, probability in zip(classes.tolist(), probabilities.tolist(), strict=True):
            table.writerow((node, each, f"{probability:.6g}"))
            node += 1
    return node
