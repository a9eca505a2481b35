"""How groups are told apart: by colour, by line style and by marker, so also in grey."""

from __future__ import annotations

from typing import Any

from figures.curves import COLOURS, STYLES
from figures.nodes import MARKERS


def look(number: int) -> dict[str, Any]:
    """Colour, line style and marker of the group with this number; they repeat after 140."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": STYLES[number % len(STYLES)],
        "marker": MARKERS[number % len(MARKERS)],
    }
