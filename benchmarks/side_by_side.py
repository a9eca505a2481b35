"""Time several ways to do one thing in turn, so that a machine's moods hit all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping


def alternate(
    contestants: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """Let the contestants take turns, after one uncounted round.

    Args:
        contestants: by name, what measures one turn and returns seconds.
        rounds: turns that count, for each.

    Returns:
        Seconds of each turn, by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, measure in contestants.items():
            taken = measure()
            if turn:
                seconds[name].append(taken)
    return seconds


def ratio(over: list[float], under: list[float]) -> tuple[float, float, float]:
    """Median, least and greatest of the ratios turn by turn."""
    ratios = [a / b for a, b in zip(over, under, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)
