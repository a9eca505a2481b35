"""One measured number against another one: a point a group, with its spread in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from figures.comparisons import Limits, spread_of
from figures.looks import look
from figures.panels import finish, make_panels, name_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Point:
    """A group: what its seeds have on the horizontal axis, and on the vertical one."""

    horizontal: Sequence[float]
    vertical: Sequence[float]


def draw_scatter(
    panels: Mapping[str, Mapping[str, Sequence[Point]]],
    title: str,
    xlabel: str,
    ylabel: str,
    limits: Limits = (None, None),
) -> Figure:
    """Draw the mean of each group, with one standard deviation to all sides.

    Args:
        panels: by title, the points of each line by name; they are linked in ascending order.
        title, xlabel, ylabel: of the figure and its axes; the horizontal one is logarithmic.
        limits: of the vertical values.

    Returns:
        A matplotlib figure that belongs to no window.
    """
    names = dict.fromkeys(name for lines in panels.values() for name in lines)
    numbers = {name: number for number, name in enumerate(names)}
    figure, made = make_panels(list(panels))
    for panel, lines in zip(made, panels.values(), strict=True):
        for name, points in lines.items():
            horizontal = [spread_of(point.horizontal, (0.0, None)) for point in points]
            vertical = [spread_of(point.vertical, limits) for point in points]
            both = sorted(zip(horizontal, vertical, strict=True))
            if not both:
                continue
            panel.axes.errorbar(
                [x for (x, _, _), _ in both],
                [y for _, (y, _, _) in both],
                xerr=[[x - low for (x, low, _), _ in both], [up - x for (x, _, up), _ in both]],
                yerr=[[y - low for _, (y, low, _) in both], [up - y for _, (y, _, up) in both]],
                label=name,
                markersize=6,
                linewidth=1.2,
                capsize=2,
                **look(numbers[name]),
            )
    made[0].axes.set_xscale("log")
    if limits == (0.0, 1.0):
        made[0].axes.set_ylim(0, 1.03)
    name_axes(figure, made, xlabel, ylabel)
    finish(figure, made, title)
    return figure
