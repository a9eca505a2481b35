"""lengths.csv of a comparison: what its runs come to at many lengths, a row a run and length."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from command_line.lengths_file import LENGTHS, AtLength, read_lengths
from storage.files import written_whole

RUN = ("run", "model", "seed")
COLUMNS = (*RUN, *AtLength._fields)


def update_lengths(
    folder: Path, rows: Sequence[Mapping[str, str]], test_lengths: Sequence[int]
) -> None:
    """Put together what has been measured of all runs, whole or not at all.

    Args:
        folder: of the comparison; each run has a lengths.csv of its own in runs/MODEL/NAME.
        rows: of the runs, in the order of the table, with the columns of RUN.
        test_lengths: those that are asked for; without any there is no table.
    """
    if not test_lengths:
        (folder / LENGTHS).unlink(missing_ok=True)
        return
    wanted = set(map(str, test_lengths))
    with written_whole(folder / LENGTHS) as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for row in rows:
            run = {name: row[name] for name in RUN}
            for measured in read_lengths(folder / "runs" / row["run"] / LENGTHS):
                if measured["test_length"] in wanted:
                    table.writerow({**run, **measured})
