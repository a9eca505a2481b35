"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More numbers than this would not be read in a figure.
MOST_NUMBERS = 20


def draw_confusion(counts: Sequence[Sequence[int]], title: str) -> Figure:
    """Draw how many nodes of each class are taken for each.

    Args:
        counts: (C, C), by true and by predicted class.
        title: of the figure.

    Returns:
        A matplotlib figure that belongs to no window. Colours show shares of a true class.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.add_subplot()
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(counts) <= MOST_NUMBERS:
        for true, row in enumerate(counts):
            for predicted, count in enumerate(row):
                light = shares[true][predicted] > 0.5
                axes.text(
                    predicted,
                    true,
                    f"{count:,}",
                    ha="center",
                    va="center",
                    color="white" if light else "black",
                )
        axes.set(xticks=range(len(counts)), yticks=range(len(counts)))
    axes.set(title=title, xlabel="predicted class", ylabel="true class")
    figure.colorbar(image, label="share of the true class")
    return figure
