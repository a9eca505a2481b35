"""Curves of several seeds over the steps of training: their mean, in a band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from figures.comparisons import Limits, draw_band
from figures.panels import finish, make_panels, name_axes
from figures.scales import set_factors, set_steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Steps, and the values of all seeds at each of them.
Bundle = tuple[list[float], list[list[float]]]
# More than a screen has dots.
MOST_STEPS = 400


def on_common_steps(curves: Sequence[Sequence[tuple[float, float]]]) -> Bundle:
    """Values of all curves at the same steps.

    Between two points of a curve lies a straight line, and after its last one it stays there.

    Args:
        curves: of each run, (step, value) in ascending order of the steps; at least one point.
    """
    import numpy as np

    steps = np.unique([float(step) for curve in curves for step, _ in curve])
    if len(steps) > MOST_STEPS:
        # The first and the last step are among them.
        steps = steps[np.linspace(0, len(steps) - 1, MOST_STEPS).round().astype(int)]
    points = [np.asarray(curve, dtype=float) for curve in curves]
    values = [np.interp(steps, curve[:, 0], curve[:, 1]) for curve in points]
    return steps.tolist(), np.stack(values, axis=1).tolist()


def draw_over_steps(
    panels: Mapping[str, Mapping[str, Bundle]],
    title: str,
    xlabel: str,
    ylabel: str,
    limits: Limits = (None, None),
) -> Figure:
    """Draw the mean of the seeds as a line a group, in a band of one standard deviation.

    Args:
        panels: by title, the groups of each by name.
        title, xlabel, ylabel: of the figure and its axes.
        limits: of the values.

    Returns:
        A matplotlib figure that belongs to no window.
    """
    names = dict.fromkeys(name for groups in panels.values() for name in groups)
    numbers = {name: number for number, name in enumerate(names)}
    figure, made = make_panels(list(panels))
    for panel, groups in zip(made, panels.values(), strict=True):
        for name, (steps, values) in groups.items():
            draw_band(panel, steps, values, numbers, name, limits, every=0.25)
    for panel in made:
        set_steps(panel.axes)
    if limits == (0.0, 1.0):
        made[0].axes.set_ylim(0, 1.03)
    elif limits[0] == 0.0:
        set_factors(
            made[0].axes,
            [
                fmean(v)
                for groups in panels.values()
                for _, values in groups.values()
                for v in values
            ],
        )
    name_axes(made, xlabel, ylabel)
    finish(figure, made, title)
    return figure
