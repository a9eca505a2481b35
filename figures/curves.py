"""Accuracy against step, one curve a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by colour-blind eyes; line styles tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":")


def draw_accuracy(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str, chance: float
) -> Figure:
    """Draw accuracy curves over each other.

    Args:
        curves: of each run, by name: steps, and the accuracy from 0 to 1 at each of them.
        title: of the figure.
        chance: accuracy of guessing, drawn as a line.

    Returns:
        A matplotlib figure that belongs to no window: save it, or hand it to TensorBoard.
    """
    # Matplotlib takes a second to import, and most commands draw nothing.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for number, (name, (steps, accuracy)) in enumerate(curves.items()):
        axes.plot(
            steps,
            accuracy,
            label=name,
            color=COLOURS[number % len(COLOURS)],
            linestyle=STYLES[number % len(STYLES)],
            linewidth=1.6,
        )
    axes.axhline(chance, color="grey", linewidth=0.8, linestyle=(0, (1, 3)), label="guessing")
    axes.set(title=title, xlabel="training step", ylabel="accuracy", ylim=(0, 1.03))
    axes.set_xlim(left=0)
    axes.grid(alpha=0.25)
    figure.legend(loc="outside right upper", frameon=False)
    return figure
