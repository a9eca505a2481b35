"""Norms of parameters against step, a curve a parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from figures.looks import look
from figures.marks import mark_unseen, set_range, shown
from figures.scales import set_steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More names would not be read.
MOST_NAMES = 24
# Of names.
COLUMNS = 2


def draw_parameters(
    steps: Mapping[str, Sequence[float]],
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    title: str,
) -> Figure:
    """Draw what was read of each parameter, by factors.

    Args:
        steps: of each parameter, by name, the training steps.
        panels: by what they show, the values of each parameter at its steps.
        title: of the figure.

    Returns:
        A matplotlib figure that belongs to no window; 0 and what is no number is marked.
    """
    from matplotlib.figure import Figure

    rows = -(-min(len(steps), MOST_NAMES) // COLUMNS) + 1
    figure = Figure(figsize=(9, 4 + 0.25 * rows), layout="constrained")
    all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (label, values) in zip(all_axes, panels.items(), strict=True):
        for number, (name, curve) in enumerate(values.items()):
            style = {**look(number), "markersize": 3, "linewidth": 1.3}
            axes.plot(steps[name], shown(curve, True), label=name, **style)
            mark_unseen(axes, steps[name], curve, style["color"], True)
        set_range(axes, [value for curve in values.values() for value in curve])
        set_steps(axes)
        axes.set(
            xlabel="training step",
        )
        axes.set_title(label, fontsize="small")
        axes.grid(alpha=0.25)
    figure.suptitle(title, fontsize="medium")
    # What is marked has the same name for all curves.
    handles = {
        name: handle
        for axes in all_axes
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if len(steps) <= MOST_NAMES:
        figure.legend(
            list(handles.values()),
            list(handles),
            loc="outside lower center",
            ncols=COLUMNS,
            frameon=False,
            fontsize="small",
        )
    return figure
