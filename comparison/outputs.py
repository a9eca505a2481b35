"""What a comparison leaves behind, beside its runs: results.csv, the table, the figures."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from comparison.folder import ComparisonFolder
from comparison.grid import Run


def collect(folder: ComparisonFolder, runs: Sequence[Run]) -> None:
    """Write the results of the runs that are finished."""
    with folder.locked():
        _call("results", "collect", folder.path, runs)


def show(folder: ComparisonFolder) -> None:
    """Draw the figures, and show the table."""
    with folder.locked():
        _call("plots", "draw_all", folder.path)
    _call("table", "show", folder.path)


def _call(module: str, function: str, *arguments: object) -> None:
    if find_spec(f"comparison.{module}"):
        getattr(import_module(f"comparison.{module}"), function)(*arguments)
