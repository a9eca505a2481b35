"""What a comparison leaves behind, beside its runs: results.csv, the table, the figures."""

from __future__ import annotations

from collections.abc import Sequence

from comparison import results
from comparison.folder import ComparisonFolder
from comparison.grid import Run


def collect(folder: ComparisonFolder, runs: Sequence[Run]) -> None:
    """Write the results of the runs that are finished."""
    results.collect(folder.path, runs)


def show(folder: ComparisonFolder) -> None:
    """Draw the figures, and show the table."""
    # matplotlib takes its time: only once the runs are done.
    from comparison import plots, table

    plots.draw_all(folder.path)
    table.show(folder.path)
