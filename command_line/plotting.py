"""The command that draws the figures of a comparison again, from its CSV files alone."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from command_line.errors import UsageError
from command_line.flags import FlagParser
from command_line.unwritable import cannot_write
from storage.files import check_folder

DESCRIPTION = """\
Print the table of a comparison and draw its figures again, from its CSV files alone.
The figures go to FOLDER/figures, as PNG, as SVG and for TensorBoard; the table to FOLDER/table.md.

python train.py plot comparisons/figures_3_4
"""


def carry_out(argv: list[str]) -> None:
    """Carry out `plot`.

    Args:
        argv: the subcommand, and the folder of a comparison.

    Raises:
        UsageError: the command cannot be carried out as it was typed.
    """
    parser = FlagParser(prog="python train.py plot", description=DESCRIPTION)
    parser.add_argument(
        "folder", nargs="?", metavar="FOLDER", help="of a comparison; it needs no more than its CSV"
    )
    folder = _folder(parser.parse(argv[1:]).folder)
    from comparison import outputs

    try:
        for place in (folder, folder / "figures"):
            check_folder(place)
        outputs.show(folder)
    except ValueError as error:
        definition = folder / "comparison.yaml"
        again = f"python train.py compare --config {shlex.quote(str(definition))}"
        hint = f"; {again} makes the tables again from the runs" if definition.is_file() else ""
        raise UsageError(f"{error}{hint}") from None
    except OSError as error:
        wrong = f"cannot write to {folder}: {error.strerror}"
        raise cannot_write(folder, error, wrong) from None


def _folder(typed: str | None) -> Path:
    if not typed:
        raise UsageError("plot needs the FOLDER of a comparison: python train.py plot FOLDER")
    folder = Path(typed)
    if os.path.isfile(folder):
        raise UsageError(f"{folder} is a file: plot takes the folder that it lies in")
    if not os.path.isdir(folder):
        raise UsageError(f"no folder at {folder}")
    if not (folder / "results.csv").is_file():
        raise UsageError(f"{folder} has no results.csv: it is not the folder of a comparison")
    return folder
