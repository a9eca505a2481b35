"""Something at each time step of a sequence: its mean, and its range over the examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from figures.curves import COLOURS, STYLES
from figures.marks import mark_unseen, set_range, shown
from figures.panels import finish, make_panels, name_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


DOTTED: Any = {"linestyle": (0, (1, 1.5)), "linewidth": 1.2}


class Scale(Enum):
    """Of values: by factors, by factors from 1, or a share from 0 to 1."""

    LOGARITHMIC = auto()
    AROUND_ONE = auto()
    SHARE = auto()


class Band(NamedTuple):
    """Values at t = 1, 2, ..., T."""

    mean: list[float]
    least: list[float]
    greatest: list[float]


def draw_profiles(
    layers: Sequence[Mapping[str, Band]],
    first: Sequence[Mapping[str, Band]],
    title: str,
    label: str,
    scale: Scale,
) -> Figure:
    """Draw values against time.

    Args:
        layers: of each layer, a panel, the curves by name.
        first: the same before training, drawn as thin dotted lines; [] without.
        title: of the figure.
        label: of the vertical axis.
        scale: of the values.

    Returns:
        A matplotlib figure that belongs to no window. The mean is a line, the range a shade; what
        is 0 on a logarithmic axis, or no number at all, is marked at the edges.
    """
    alone = len(layers) == 1
    titles = [""] if alone else [f"layer {number}" for number in range(1, len(layers) + 1)]
    figure, panels = make_panels(titles)
    logarithmic = scale is not Scale.SHARE
    for number, (panel, curves) in enumerate(zip(panels, layers, strict=True)):
        for place, (name, band) in enumerate(curves.items()):
            colour = COLOURS[place % len(COLOURS)]
            _draw(panel.axes, band, name, place, logarithmic)
            if first and name in first[number]:
                before = first[number][name].mean
                times = range(1, len(before) + 1)
                panel.axes.plot(times, shown(before, logarithmic), color=colour, **DOTTED)
        if first:
            panel.axes.plot([], [], color="grey", label="before step 1", **DOTTED)
        if scale is Scale.AROUND_ONE:
            panel.axes.axhline(1, color="grey", linewidth=0.8, label="neither shrinks nor grows")
    if logarithmic:
        set_range(panels[0].axes, _all_values([*layers, *first], scale))
    else:
        panels[0].axes.set_ylim(-0.03, 1.03)
    name_axes(panels, "time step t", label)
    finish(figure, panels, title)
    return figure


def _draw(axes: Axes, band: Band, name: str, place: int, logarithmic: bool) -> None:
    times = range(1, len(band.mean) + 1)
    colour = COLOURS[place % len(COLOURS)]
    axes.fill_between(
        times,
        shown(band.least, False),
        shown(band.greatest, False),
        color=colour,
        alpha=0.15,
        linewidth=0,
    )
    # A sequence of one step is a point.
    style, marker = STYLES[place % len(STYLES)], "o" if len(times) == 1 else ""
    means = shown(band.mean, logarithmic)
    axes.plot(times, means, label=name, color=colour, linestyle=style, marker=marker, linewidth=1.6)
    mark_unseen(axes, times, band.mean, colour, logarithmic)


def _all_values(layers: Sequence[Mapping[str, Band]], scale: Scale) -> list[float]:
    # Of the range, the lower end may be far below anything that is to be seen.
    bands = [band for curves in layers for band in curves.values()]
    values = [value for band in bands for value in (*band.mean, *band.greatest)]
    return [*values, 1.0] if scale is Scale.AROUND_ONE else values
