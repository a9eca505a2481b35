"""Points that others have reported, beside lines that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from figures.looks import look
from figures.panels import Panel

# Of what looks like no group: colours would soon be those of groups again.
NEUTRAL = "0.3"


@dataclass(frozen=True)
class Points:
    """What one source reports.

    Attributes:
        name: for the legend.
        like: name of the group that they are to look like; "" for none.
        points: (place, value) of each.
    """

    name: str
    like: str
    points: Sequence[tuple[float, float]]


def draw_points(panel: Panel, beside: Sequence[Points], numbers: Mapping[str, int]) -> None:
    """Draw points as hollow markers without a line, around those of lines that they lie upon.

    Args:
        panel: where to.
        beside: what there is to draw.
        numbers: of each group by name, which make its look.
    """
    others = count(len(numbers))
    for each in beside:
        number = numbers[each.like] if each.like else next(others)
        style = {**look(number), "linestyle": "none"}
        if not each.like:
            style["color"] = NEUTRAL
        panel.axes.plot(
            *zip(*each.points, strict=True),
            label=each.name,
            # Markers that lie upon each other are to be seen as well.
            markersize=8 + 1.5 * (number % 3),
            markerfacecolor="none",
            markeredgewidth=1.2,
            # Half of a marker at the top of a small panel would be lost.
            clip_on=False,
            zorder=3,
            **style,
        )
