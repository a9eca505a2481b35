"""One measured number against another one: a point a group, with its spread in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from figures.comparisons import Limits, spread_of
from figures.looks import look
from figures.panels import finish, make_panels, name_axes
from figures.scales import set_logarithmic

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Point:
    """A group: what its seeds have on the horizontal axis, and on the vertical one.

    Attributes:
        label: written beside it.
    """

    horizontal: Sequence[float]
    vertical: Sequence[float]
    label: str = ""


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
            horizontal = [
                # A logarithmic axis has no room for what is not above 0.
                spread_of(point.horizontal, (min(point.horizontal), None))
                for point in points
            ]
            vertical = [spread_of(point.vertical, limits) for point in points]
            for point, (x, _, _), (y, _, _) in zip(points, horizontal, vertical, strict=True):
                panel.axes.annotate(
                    point.label, (x, y), xytext=(5, 4), textcoords="offset points", fontsize=7
                )
            both = sorted(zip(horizontal, vertical, strict=True))
            if not both:
                continue
            panel.axes.errorbar(
                [x for (x, _, _), _ in both],
                [y for _, (y, _, _) in both],
                xerr=[[x - low for (x, low, _), _ in both], [up - x for (x, _, up), _ in both]],
                yerr=[[y - low for _, (y, low, _) in both], [up - y for _, (y, _, up) in both]],
                label=name,
                markersize=7,
                # Hollow, so that all are seen of those that lie upon each other.
                markerfacecolor="none",
                markeredgewidth=1.6,
                linewidth=1.2,
                capsize=2,
                **look(numbers[name]),
            )
    costs = [x for lines in panels.values() for points in lines.values() for x in _all_of(points)]
    for panel in made:
        set_logarithmic(panel.axes, costs)
    if limits == (0.0, 1.0):
        made[0].axes.set_ylim(0, 1.03)
    name_axes(made, xlabel, ylabel)
    finish(figure, made, title)
    return figure


def _all_of(points: Sequence[Point]) -> list[float]:
    return [value for point in points for value in point.horizontal]
