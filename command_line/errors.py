"""Wrong input: one line that says what is wrong and what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UsageError(Exception):
    """The command cannot be carried out as it was typed. Ends the program with exit code 2."""


def did_you_mean(wrong: str, right: Iterable[str]) -> str:
    """', did you mean X?' with the nearest of the right names, or nothing if none is near."""
    by_lower_case = {name.lower(): name for name in right}
    nearest = get_close_matches(wrong.lower(), by_lower_case, n=1, cutoff=0.6)
    return f", did you mean {by_lower_case[nearest[0]]}?" if nearest else ""
