"""Values that a logarithmic axis has no place for, shown all the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from figures.scales import DIGITS, in_short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Beyond, matplotlib finds no ticks: a line leaves the figure, a colour stays what it is.
GREATEST = 1e200


def shown(values: Iterable[float], logarithmic: bool) -> list[float]:
    """The values with NaN, which draws nothing, in place of those that have no place."""
    return [
        value if math.isfinite(value) and (value > 0 or not logarithmic) else math.nan
        for value in values
    ]


def mark_unseen(
    axes: Axes, places: Sequence[float], values: Sequence[float], colour: str, logarithmic: bool
) -> None:
    """Mark at the lower edge what is 0 on a logarithmic axis, at the upper one what is no number.

    Args:
        axes: where the values are drawn.
        places: on the horizontal axis.
        values: at the places.
        colour: of their curve.
        logarithmic: whether the vertical axis is.
    """
    zero = [place for place, value in zip(places, values, strict=True) if value == 0]
    infinite = [p for p, value in zip(places, values, strict=True) if not math.isfinite(value)]
    for found, height, marker, name in (
        (zero if logarithmic else [], 0.02, "v", "zero"),
        (infinite, 0.98, "x", "not finite"),
    ):
        if found:
            axes.plot(
                found,
                [height] * len(found),
                transform=axes.get_xaxis_transform(),
                linestyle="none",
                marker=marker,
                markersize=4,
                color=colour,
                clip_on=False,
                label=name,
            )


def set_range(axes: Axes, values: Iterable[float]) -> None:
    """A logarithmic vertical axis that has all values which can be there."""
    there = [value for value in values if value > 0 and math.isfinite(value)]
    low, high = (min(there), max(there)) if there else (0.1, 1.0)
    # A flat curve lies in the middle; one over many powers of ten is not squeezed.
    margin = max(1.25, (high / low) ** 0.03 if high / low < math.inf else 1e10)
    axes.set_ylim(max(low / margin, 1 / GREATEST), min(high * margin, GREATEST))
    # After its limits, since none could be found where all is 0.
    axes.set_yscale("log")
    set_ticks(axes.yaxis, low, high)


def set_ticks(axis: Axis, low: float, high: float) -> None:
    """Label round numbers of a logarithmic axis, as powers of ten only where they are many."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    decades = math.log10(high) - math.log10(low)
    if decades > 4:
        return
    digits = next(digits for least, digits in DIGITS if decades >= least)
    # Of a narrow range even the rounder numbers are too few.
    axis.set_major_locator(LogLocator(10, digits) if decades >= 1 else MaxNLocator(6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: in_short(value)))
    axis.set_minor_formatter(NullFormatter())
