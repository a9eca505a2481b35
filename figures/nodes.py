"""Nodes in a plane, coloured by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from figures.curves import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Shapes tell classes apart in grey, and where there are more of them than colours.
MARKERS = "os^Dv<>Pp*"


def draw_nodes(points: Sequence[Sequence[float]], classes: Sequence[int], title: str) -> Figure:
    """Draw nodes as points.

    Args:
        points: (N, 2), where they are.
        classes: (N,), of the nodes.
        title: of the figure.

    Returns:
        A matplotlib figure that belongs to no window.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    size = max(4.0, min(60.0, 4000 / max(1, len(points))))
    for number in sorted(set(classes)):
        chosen = [point for point, each in zip(points, classes, strict=True) if each == number]
        horizontal, vertical = zip(*chosen, strict=True)
        axes.scatter(
            horizontal,
            vertical,
            s=size,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            alpha=0.7,
            linewidths=0,
            label=f"class {number}",
        )
    axes.set(title=title, xlabel="first principal component", ylabel="second principal component")
    figure.legend(loc="outside right upper", frameon=False, markerscale=(40 / size) ** 0.5)
    return figure
