"""Something at each time step of a sequence and at many training steps, as colours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from figures.marks import GREATEST, set_ticks
from figures.panels import finish, make_panels, name_axes
from figures.profiles import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

# Of training steps, beside the rows.
MOST_TICKS = 8
# Opaque red, green, blue.
ZERO, NO_NUMBER = (0.72, 0.72, 0.72, 1.0), (0.0, 0.0, 0.0, 1.0)


def draw_heat_maps(
    maps: Mapping[str, Mapping[int, Sequence[float]]], title: str, label: str, scale: Scale
) -> Figure:
    """Draw values against time and training step, a panel a curve.

    Args:
        maps: of each curve, by name, the values at t = 1, 2, ... by training step.
        title: of the figure.
        label: of the colours.
        scale: of the values.

    Returns:
        A matplotlib figure that belongs to no window. Each training step is a row of the same
        height. What is 0 on a logarithmic scale is grey, what is no number black, and white what
        was never there.
    """
    names = [""] if len(maps) == 1 else list(maps)
    figure, panels = make_panels(names)
    values = [value for rows in maps.values() for row in rows.values() for value in row]
    norm, colours = _colours(values, scale)
    unseen = {"not finite": NO_NUMBER} if not all(map(math.isfinite, values)) else {}
    if 0 in values and scale is not Scale.SHARE:
        unseen["zero"] = ZERO
    image: Any = None
    for panel, rows in zip(panels, maps.values(), strict=True):
        image = _draw(panel.axes, rows, norm, colours, scale)
        panel.axes.grid(False)
    for name, colour in unseen.items():
        panels[0].axes.plot([], [], "s", color=colour, label=name)
    name_axes(panels, "time step t", "training step")
    finish(figure, panels, title)
    bar = figure.colorbar(image, ax=[panel.axes for panel in panels], label=label)
    bar.ax.tick_params(labelsize="small")
    if scale is not Scale.SHARE:
        set_ticks(bar.ax.yaxis, norm.vmin or 1.0, norm.vmax or 1.0)
    return figure


def _draw(
    axes: Axes, rows: Mapping[int, Sequence[float]], norm: Normalize, colours: str, scale: Scale
) -> Any:
    import numpy as np

    steps, longest = list(rows), max(map(len, rows.values()))
    # No sequence of its row is that long.
    absent = np.arange(longest) >= np.array([[len(row)] for row in rows.values()])
    values = np.array([[*row, *[np.nan] * (longest - len(row))] for row in rows.values()])
    place: dict[str, Any] = {
        "origin": "lower",
        "aspect": "auto",
        "interpolation": "nearest",
        "extent": (0.5, longest + 0.5, -0.5, len(steps) - 0.5),
    }
    finite = np.isfinite(values)
    seen = finite & (values > 0) if scale is not Scale.SHARE else finite
    image = axes.imshow(np.ma.masked_where(~seen, values), norm=norm, cmap=colours, **place)
    unseen = np.zeros((*values.shape, 4))
    unseen[(values == 0) & ~seen] = ZERO
    unseen[~finite & ~absent] = NO_NUMBER
    axes.imshow(unseen, **place)
    ticks = sorted({round(tick) for tick in np.linspace(0, len(steps) - 1, MOST_TICKS)})
    axes.set_yticks(ticks, labels=[f"{steps[tick]:,}" for tick in ticks])
    return image


def _colours(values: Iterable[float], scale: Scale) -> tuple[Normalize, str]:
    from matplotlib.colors import LogNorm, Normalize

    if scale is Scale.SHARE:
        return Normalize(0, 1), "viridis"
    there = [value for value in values if value > 0 and math.isfinite(value)]
    low, high = (min(there), max(there)) if there else (0.1, 1.0)
    low, high = max(low, 1 / GREATEST), min(high, GREATEST)
    if scale is Scale.AROUND_ONE:
        # White is 1, blue below and red above.
        reach = max(high, 1 / low, 1.05)
        return LogNorm(1 / reach, reach), "RdBu_r"
    return (LogNorm(low, high) if low < high else LogNorm(low / 2, high * 2)), "viridis"
