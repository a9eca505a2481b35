"""The figures of a comparison, drawn from its CSV files alone."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from command_line.lengths_file import AtLength
from comparison.against import against_setting
from comparison.beside import Reported, read_beside
from comparison.cost import against_cost
from comparison.over_lengths import over_lengths
from comparison.over_steps import over_steps
from comparison.pictures import replace_pictures
from comparison.records import Curve, Record, read_curves, read_lengths, read_results
from storage.lock import locked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = "figures"
# Pixels an inch.
RESOLUTION = 150


def draw_all(folder: Path) -> list[Path]:
    """Draw all figures that there is something to show in, as PNG and SVG and for TensorBoard.

    Args:
        folder: of the comparison; results.csv is read and, where they are there, curves.csv,
            lengths.csv and beside.csv. The pictures go to figures/ in it, in place of those drawn
            there before.

    Returns:
        The files of the pictures.

    Raises:
        ValueError: a CSV is missing, or not a table of a comparison.
        OSError: the pictures cannot be written.
    """
    from figures.tensorboard import write_images

    records, curves, lengths = read_results(folder), read_curves(folder), read_lengths(folder)
    reported = read_beside(folder)
    finished = [record for record in records if record.finished]
    into = folder / FIGURES
    if not finished and not into.is_dir():
        return []
    pictures: dict[str, bytes] = {}
    images: dict[str, bytes] = {}
    with locked(folder):
        for name, figure in _figures(finished, curves, lengths, reported) if finished else ():
            png, svg = _saved(figure)
            # Beside curves by the name of a figure, TensorBoard would bury them under it.
            images[f"figures/{name}"] = png
            # Not by a suffix: a name may have a dot.
            pictures.update({f"{name}.png": png, f"{name}.svg": svg})
        files = replace_pictures(into, pictures)
        write_images(into, images, step=len(finished))
    return files


def _figures(
    finished: Sequence[Record],
    curves: Mapping[str, Curve],
    lengths: Mapping[str, Sequence[AtLength]],
    reported: Sequence[Reported],
) -> Iterator[tuple[str, Figure]]:
    yield from against_setting(finished, reported)
    yield from over_steps(finished, curves)
    yield from over_lengths(finished, lengths)
    yield from against_cost(finished)


def _saved(figure: Figure) -> tuple[bytes, bytes]:
    from matplotlib import rc_context

    # Laid out once for both files, which is half the work of drawing.
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    png, svg = io.BytesIO(), io.BytesIO()
    with rc_context({"svg.hashsalt": "comparison"}):
        # Without it, the same figure would be another file each time.
        figure.savefig(png, format="png", dpi=RESOLUTION)
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return png.getvalue(), svg.getvalue()
