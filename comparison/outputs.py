"""What is made of the results of a comparison: the table and the figures."""

from __future__ import annotations

from pathlib import Path

from command_line.names import visible
from comparison.records import read_results


def show(folder: Path) -> None:
    """Print the table and write it to table.md, draw the figures, and tell where they are.

    Args:
        folder: of a comparison; the CSV files in it are all that is read.

    Raises:
        ValueError: a CSV is missing, or not a table of a comparison.
        OSError: the folder cannot be written.
    """
    # matplotlib takes its time: only once the runs are done.
    from comparison import plots, table, words

    records = read_results(folder)
    table.write_table(folder, records)
    table.print_table(folder, records)
    files = plots.draw_all(folder)
    print(visible(words.drawn(folder, records, files)), flush=True)
