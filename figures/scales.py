"""A horizontal axis of numbers that were chosen, such as lengths or learning rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More would run into each other.
MOST_TICKS = 10


def base_of(places: Sequence[float]) -> int | None:
    """The base of a logarithmic axis where numbers grow by factors: 2 or 10; else None.

    Args:
        places: at least one number, ascending.
    """
    if len(places) < 3 or places[0] <= 0:
        return None
    ratios = [after / before for before, after in zip(places, places[1:])]
    gaps = [after - before for before, after in zip(places, places[1:])]
    if places[-1] / places[0] < 4 or max(gaps) / min(gaps) < 2 * max(ratios) / min(ratios):
        return None
    return 2 if all(math.log2(ratio).is_integer() for ratio in ratios) else 10


def set_places(axes: Axes, places: Sequence[float]) -> None:
    """Show the numbers that there are, evenly if they grow by steps and also if by factors."""
    if not places:
        return
    base = base_of(places)
    if base:
        axes.set_xscale("log", base=base)
    if len(places) <= MOST_TICKS:
        axes.set_xticks(places, labels=[f"{place:g}" for place in places])
        axes.tick_params(axis="x", which="minor", bottom=False)
