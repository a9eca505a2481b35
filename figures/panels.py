"""Panels beside each other with the same axes, one legend below them, and one title."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A page of more would not be read.
MOST_PANELS = 20
# A single one, and each of several, in inches.
WHOLE, PART = (7.0, 4.0), (2.7, 2.2)
# Letters of a title in an inch.
LETTERS = 11


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
    columns = _columns(count)
    rows = math.ceil(count / columns)
    width, height = WHOLE if count == 1 else PART
    # Room for its heading too.
    strip = 0.2 * strip_rows + 0.15 if strip_rows else 0.0
    figure = Figure(
        figsize=(max(WHOLE[0], columns * width), rows * (height + strip) + 1.0),
        layout="constrained",
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
    return figure, panels


def name_axes(panels: Sequence[Panel], xlabel: str, ylabel: str) -> None:
    """Name the axes, of several panels those on the left and at the bottom."""
    columns = _columns(len(panels))
    # A small panel is lower than many a name is long.
    ylabel = ylabel if len(panels) == 1 else fill(ylabel, 24)
    for number, panel in enumerate(panels):
        if number % columns == 0:
            panel.axes.set_ylabel(ylabel)
        if number + columns >= len(panels):
            (panel.strip or panel.axes).set_xlabel(xlabel)


def finish(figure: Figure, panels: Sequence[Panel], title: str) -> None:
    """Set the title, and the legend of what has a name in any panel, below all of them."""
    handles = {
        label: handle
        for panel in panels
        for handle, label in zip(*panel.axes.get_legend_handles_labels(), strict=True)
    }
    _label_outer_only(panels)
    width = figure.get_figwidth()
    lines = [fill(line, int(LETTERS * width)) for line in title.splitlines()]
    figure.suptitle("\n".join(lines), fontsize="medium")
    if not handles:
        return
    names = list(handles)
    # Below, where no title comes, however wide it is.
    fitting = int(LETTERS * width / (max(map(len, names)) + 8))
    columns = max(1, min(len(names), fitting))
    figure.legend(
        list(handles.values()), names, loc="outside lower center", ncols=columns, frameon=False
    )


def _columns(count: int) -> int:
    if count <= 3:
        return count
    return min(4, math.ceil(math.sqrt(count)))


def _label_outer_only(panels: Sequence[Panel]) -> None:
    columns = _columns(len(panels))
    for number, panel in enumerate(panels):
        if number % columns:
            panel.axes.tick_params(labelleft=False)
            if panel.strip:
                panel.strip.tick_params(labelleft=False)
        if number + columns < len(panels):
            (panel.strip or panel.axes).tick_params(labelbottom=False)
