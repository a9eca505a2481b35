"""Panels beside each other with the same axes, one legend beside them, and one title."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A page of more would not be read.
MOST_PANELS = 20
# A single one, and each of several, in inches.
WHOLE, PART = (7.0, 4.0), (2.6, 2.2)


@dataclass
class Panel:
    """A part of a figure.

    Attributes:
        axes: where values are drawn.
        strip: low axes below them, with the same horizontal axis; None without.
    """

    axes: Axes
    strip: Axes | None


def make_panels(titles: Sequence[str], strip_rows: int = 0) -> tuple[Figure, list[Panel]]:
    """A figure that belongs to no window, with as many panels as there are titles.

    Args:
        titles: above each panel; a single panel may have "".
        strip_rows: rows that the strip below each panel has room for; 0: no strip.
    """
    # Matplotlib takes a second to import, and most commands draw nothing.
    from matplotlib.figure import Figure

    count = len(titles)
    columns = 1 if count == 1 else min(4, max(2, math.ceil(math.sqrt(count))))
    rows = math.ceil(count / columns)
    width, height = WHOLE if count == 1 else PART
    strip = 0.2 * strip_rows
    legend = 0.0 if count == 1 else 1.4
    figure = Figure(
        figsize=(columns * width + legend, rows * (height + strip) + 0.5), layout="constrained"
    )
    grid = figure.add_gridspec(rows, columns)
    panels: list[Panel] = []
    for number, title in enumerate(titles):
        first = panels[0].axes if panels else None
        place = grid[divmod(number, columns)]
        if strip_rows:
            inner = place.subgridspec(2, 1, height_ratios=(height, strip), hspace=0.04)
            axes = figure.add_subplot(inner[0], sharex=first, sharey=first)
            panel = Panel(axes, figure.add_subplot(inner[1], sharex=axes))
            axes.tick_params(labelbottom=False)
        else:
            panel = Panel(figure.add_subplot(place, sharex=first, sharey=first), None)
        panel.axes.set_title(title, fontsize="small")
        panel.axes.grid(alpha=0.25)
        panels.append(panel)
    _label_outer_only(panels, columns)
    return figure, panels


def name_axes(figure: Figure, panels: Sequence[Panel], xlabel: str, ylabel: str) -> None:
    """Name the axes: of a single panel its own, of several those of all together."""
    if len(panels) > 1:
        figure.supxlabel(xlabel, fontsize="medium")
        figure.supylabel(ylabel, fontsize="medium")
        return
    (panel,) = panels
    (panel.strip or panel.axes).set_xlabel(xlabel)
    panel.axes.set_ylabel(ylabel)


def finish(figure: Figure, panels: Sequence[Panel], title: str) -> None:
    """Set the title, and the legend of what has a name in any panel, beside all of them."""
    handles = {
        label: handle
        for panel in panels
        for handle, label in zip(*panel.axes.get_legend_handles_labels(), strict=True)
    }
    figure.suptitle(title, fontsize="medium")
    if handles:
        figure.legend(
            list(handles.values()), list(handles), loc="outside right upper", frameon=False
        )


def _label_outer_only(panels: Sequence[Panel], columns: int) -> None:
    for number, panel in enumerate(panels):
        if number % columns:
            panel.axes.tick_params(labelleft=False)
        if number + columns < len(panels):
            (panel.strip or panel.axes).tick_params(labelbottom=False)
