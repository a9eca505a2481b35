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
    from matplotlib.text import Text

# A page of more would not be read.
MOST_PANELS = 20
# A single one, and each of several, in inches.
WHOLE, PART = (7.0, 4.0), (2.7, 2.2)
# Letters of a title in an inch.
LETTERS = 11
# That fits beside the smallest panel, in letters.
SHORT_NAME = 14
MOST_TURNS = 4


@dataclass
class Panel:
    """A part of a figure.

    Attributes:
        axes: where values are drawn.
        strip: low axes below them, with the same horizontal axis; None without.
    """

    axes: Axes
    strip: Axes | None


def make_panels(
    titles: Sequence[str], strip_rows: int = 0, below: float = 0.0
) -> tuple[Figure, list[Panel]]:
    """A figure that belongs to no window, with as many panels as there are titles.

    Args:
        titles: above each panel; a single panel may have "".
        strip_rows: rows that the strip below each panel has room for; 0: no strip.
        below: inches that the names of places take below the lowest panels.
    """
    # Matplotlib takes a second to import, and most commands draw nothing.
    from matplotlib.figure import Figure

    count = len(titles)
    columns = _columns(count)
    rows = math.ceil(count / columns)
    width, height = WHOLE if count == 1 else PART
    # Room for its heading too.
    strip = 0.2 * strip_rows + 0.15 if strip_rows else 0.0
    # Where the last row is not full, there are names below the one before it too.
    below *= 2 if count % columns else 1
    figure = Figure(
        figsize=(max(WHOLE[0], columns * width), rows * (height + strip) + 1.0 + below),
        layout="constrained",
    )
    # In one grid, where panels beside each other come out alike, and strips too.
    ratios = ([height, strip] if strip_rows else [height]) * rows
    grid = figure.add_gridspec(len(ratios), columns, height_ratios=ratios, hspace=0.04)
    panels: list[Panel] = []
    for number, title in enumerate(titles):
        first = panels[0].axes if panels else None
        row, column = divmod(number, columns)
        row *= len(ratios) // rows
        axes = figure.add_subplot(grid[row, column], sharex=first, sharey=first)
        panel = Panel(axes, None)
        if strip_rows:
            panel.strip = figure.add_subplot(grid[row + 1, column], sharex=axes)
            axes.tick_params(labelbottom=False)
        panel.axes.set_title(title, fontsize="small")
        panel.axes.grid(alpha=0.25)
        panels.append(panel)
    return figure, panels


def name_axes(panels: Sequence[Panel], xlabel: str, ylabel: str) -> None:
    """Name the axes, of several panels those on the left and at the bottom."""
    columns = _columns(len(panels))
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
        _break_names(figure, panels)
        return
    # Below, where no title comes, however wide it is.
    names = [fill(name, int(LETTERS * width) - 8) for name in handles]
    longest = max(len(line) for name in names for line in name.splitlines())
    columns = max(1, min(len(names), int(LETTERS * width / (longest + 8))))
    figure.legend(
        list(handles.values()), names, loc="outside lower center", ncols=columns, frameon=False
    )
    _break_names(figure, panels)


def shortened(name: str, room: int) -> str:
    """A name without its middle, where it is too long: what differs is mostly at its ends."""
    if len(name) <= room:
        return name
    end = (room - 1) // 2
    return f"{name[: room - 1 - end]}…{name[-end:]}"


def _break_names(figure: Figure, panels: Sequence[Panel]) -> None:
    """Break the names of axes and panels between words where they are longer than these."""
    long = [
        (text, axes, text is axes.yaxis.label)
        for panel in panels
        for axes in filter(None, (panel.axes, panel.strip))
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label)
        # To measure takes as long as to draw.
        if len(text.get_text()) > SHORT_NAME
    ]
    for _ in range(MOST_TURNS if long else 0):
        # What is broken takes room from the panels.
        figure.draw_without_rendering()
        found = [_broken(*each) for each in long]
        if not any(found):
            break


def _broken(text: Text, axes: Axes, upright: bool) -> bool:
    """Whether a name was longer than its axes, and is broken by now."""
    extent, room = text.get_window_extent(), axes.get_window_extent()
    length, most = (extent.height, room.height) if upright else (extent.width, room.width)
    if length <= most:
        return False
    words = text.get_text()
    letters = max(map(len, words.splitlines()))
    broken = fill(" ".join(words.split()), int(letters * most / length), break_long_words=False)
    text.set_text(broken)
    return broken != words


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
