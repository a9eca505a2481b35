"""The accuracy curves of several runs over each other, read from their TensorBoard events.

python -m figures.overlay runs/palindromes --save curves.png
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from figures import draw_into_files
from figures.curves import draw_accuracy

TAG = "accuracy/moving_average"


def read_scalars(run: Path, tags: Sequence[str]) -> dict[str, dict[int, float]]:
    """What TensorBoard shows of a run: of each tag, the value at each step; empty if it has none.

    Args:
        run: the folder of the events.
        tags: such as accuracy/moving_average.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 1})
    logger = logging.getLogger("tensorboard")
    level = logger.level
    # That a resumed run has taken back some of its steps is no news.
    logger.setLevel(logging.ERROR)
    try:
        events.Reload()
    finally:
        logger.setLevel(level)
    there = events.Tags()["scalars"]
    return {
        tag: {point.step: point.value for point in events.Scalars(tag)} if tag in there else {}
        for tag in tags
    }


def read_curve(run: Path) -> tuple[list[int], list[float]]:
    """Steps, and the moving average of the accuracy at each; both empty if a run has none."""
    points = read_scalars(run, [TAG])[TAG]
    return list(points), list(points.values())


def read_runs(folder: Path) -> dict[str, tuple[list[int], list[float]]]:
    """The curves of all runs below a folder; a run is named by its path, but for /default."""
    curves = {}
    for events in sorted({file.parent for file in folder.rglob("events.out.tfevents.*")}):
        name = events.relative_to(folder).as_posix().removesuffix("/default")
        steps, accuracy = read_curve(events)
        if steps:
            curves[name] = (steps, accuracy)
    return curves


def _obstacle(picture: Path) -> str | None:
    """Why a picture cannot be saved, as far as its name tells."""
    from matplotlib.backend_bases import FigureCanvasBase

    formats = FigureCanvasBase.get_supported_filetypes()
    if os.path.isdir(picture):
        return "it is a folder"
    if not os.path.isdir(picture.absolute().parent):
        return f"there is no folder {picture.parent}"
    if picture.suffix[1:].lower() not in ("", *formats):
        return f"its ending must be one of {', '.join(sorted(formats))}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of an experiment, such as runs/palindromes")
    parser.add_argument("--save", type=Path, required=True, help="the picture: .png, .svg, .pdf")
    parser.add_argument("--title", default="Palindromes: accuracy of the training batches")
    arguments = parser.parse_args()
    draw_into_files()
    # Before the events are read, which may take long.
    if obstacle := _obstacle(arguments.save):
        print(f"figures.overlay: error: cannot save {arguments.save}: {obstacle}", file=sys.stderr)
        return 2
    curves = read_runs(arguments.folder)
    if not curves:
        print(f"figures.overlay: error: no runs in {arguments.folder}", file=sys.stderr)
        return 2
    figure = draw_accuracy(curves, arguments.title, chance=0.1)
    try:
        figure.savefig(arguments.save, dpi=130)
    except (OSError, ValueError) as error:
        print(f"figures.overlay: error: cannot save {arguments.save}: {error}", file=sys.stderr)
        return 2
    print(arguments.save)
    return 0


if __name__ == "__main__":
    sys.exit(main())
