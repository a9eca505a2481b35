"""A number against another one, as a line a group with a band over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from figures.curves import COLOURS, STYLES
from figures.nodes import MARKERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_bands(
    groups: Mapping[str, Mapping[float, Sequence[float]]],
    title: str,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Draw the mean of each group, and a band of one standard deviation around it.

    Args:
        groups: by name, the values of all seeds at each place on the horizontal axis.
        title, xlabel, ylabel: of the figure and its axes; the horizontal one is logarithmic.

    Returns:
        A matplotlib figure that belongs to no window.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    places = sorted({place for values in groups.values() for place in values})
    for number, (name, values) in enumerate(groups.items()):
        where = sorted(values)
        means = [statistics.mean(values[place]) for place in where]
        deviations = [
            statistics.stdev(values[place]) if len(values[place]) > 1 else 0.0 for place in where
        ]
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(
            where,
            means,
            label=name,
            color=colour,
            linestyle=STYLES[number % len(STYLES)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=5,
        )
        axes.fill_between(
            where,
            [mean - deviation for mean, deviation in zip(means, deviations, strict=True)],
            [mean + deviation for mean, deviation in zip(means, deviations, strict=True)],
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(places, labels=[f"{place:g}" for place in places])
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.25)
    figure.legend(loc="outside right upper", frameon=False)
    return figure
