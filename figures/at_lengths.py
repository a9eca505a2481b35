"""Accuracy against the length of the test, beside the length of the training and guessing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from figures.comparisons import MOST_NUMBERS, Series, draw_band
from figures.panels import finish, make_panels, name_axes
from figures.scales import set_places

if TYPE_CHECKING:
    from matplotlib.figure import Figure

XLABEL = "length T of the test (digits read)"


def draw_at_lengths(
    panels: Mapping[str, Sequence[Series]],
    trained: Mapping[str, Sequence[float]],
    guessing: float,
    title: str,
) -> Figure:
    """Draw the mean over seeds as a line a group, in a band of one standard deviation.

    Args:
        panels: by title, the groups in each: accuracies from 0 to 1, by the length of the test.
        trained: of each panel, the lengths of the training, each an upright line.
        guessing: accuracy of guessing, a level line.
        title: of the figure.

    Returns:
        A matplotlib figure that belongs to no window.
    """
    names = dict.fromkeys(each.name for series in panels.values() for each in series)
    numbers = {name: number for number, name in enumerate(names)}
    places = sorted({w for series in panels.values() for each in series for w in each.values})
    every = 0.25 if len(places) > MOST_NUMBERS else None
    figure, made = make_panels(list(panels))
    for panel, (name, series) in zip(made, panels.items(), strict=True):
        for each in series:
            where = sorted(each.values)
            values = [each.values[place] for place in where]
            draw_band(panel, where, values, numbers, each.name, (0.0, 1.0), every)
        for length in trained[name]:
            panel.axes.axvline(
                length, color="0.35", linewidth=1.0, linestyle="--", label="trained length"
            )
        panel.axes.axhline(
            guessing, color="0.35", linewidth=1.0, linestyle=(0, (1, 3)), label="guessing"
        )
        set_places(panel.axes, places)
    made[0].axes.set_ylim(0, 1.03)
    name_axes(made, XLABEL, "test accuracy")
    finish(figure, made, title)
    return figure
