"""A horizontal axis of numbers that were chosen, such as lengths or learning rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More would run into each other.
MOST_TICKS = 10
# What a label begins with, where the numbers go over at least so many powers of ten.
DIGITS = ((2.5, (1,)), (1.2, (1, 3)), (0.7, (1, 2, 5)), (0.0, (1, 1.5, 2, 3, 4, 5, 7)))

# How many times the middle one a number is that makes the others look like nothing.
HIDING = 30


def base_of(places: Sequence[float]) -> int | None:
    """The base of a logarithmic axis where numbers grow by factors: 2 or 10; else None.

    Args:
        places: at least one number, ascending.
    """
    if len(places) < 3 or places[0] <= 0:
        return None
    ratios = [after / before for before, after in pairwise(places)]
    gaps = [after - before for before, after in pairwise(places)]
    uneven = max(ratios) / min(ratios)
    if places[-1] / places[0] < 4 or uneven > 3 or max(gaps) / min(gaps) < 2 * uneven:
        return None
    return 2 if all(math.log2(ratio).is_integer() for ratio in ratios) else 10


def set_places(axes: Axes, places: Sequence[float]) -> None:
    """Show the numbers that there are, evenly if they grow by steps and also if by factors."""
    if not places:
        return
    base = base_of(places)
    if base:
        axes.set_xscale("log", base=base)
    # All of them, also where no line comes to.
    axes.update_datalim([(place, 0.0) for place in places], updatey=False)
    axes.autoscale_view(scaley=False)
    if len(places) <= MOST_TICKS:
        axes.set_xticks(places, labels=[f"{place:g}" for place in places])
        axes.minorticks_off()
    elif base:
        set_logarithmic(axes, places)


def set_logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """Show positive numbers of any size, with labels at round ones of them.

    Args:
        axes: with the horizontal axis that is meant.
        values: that are to be seen.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    decades = math.log10(max(values) / min(values)) if values else 0.0
    axes.set_xscale("log")
    digits = next(digits for least, digits in DIGITS if decades >= least)
    axes.xaxis.set_major_locator(LogLocator(10, digits))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: in_short(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.15)


def set_steps(axes: Axes) -> None:
    """Show numbers of steps, from 0 on, in few words."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: in_short(value)))


def set_factors(axes: Axes, values: Sequence[float]) -> None:
    """Show numbers by factors where a few great ones would hide all the others.

    Args:
        axes: with the vertical axis that is meant.
        values: that are to be seen.
    """
    from matplotlib.ticker import FuncFormatter

    there = [value for value in values if value > 0 and math.isfinite(value)]
    if there and max(there) > HIDING * median(there):
        axes.set_yscale("log")
        # A band that reaches down to 0 has no end there.
        axes.set_ylim(0.8 * min(there), 1.25 * max(there))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: in_short(value)))


def in_short(value: float) -> str:
    """200000 as 200k, 2000000 as 2M, and what is smaller, or beyond all names, as it is."""
    if value >= 1e12:
        return f"{value:g}"
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
