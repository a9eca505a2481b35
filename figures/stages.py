"""The stages of a curriculum: the length that was trained at, against the step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_stages(stages: Sequence[tuple[int, int]], steps: int, length: int) -> Figure:
    """Draw the way that a curriculum took to its task.

    Args:
        stages: of each, the number of its first step, from 0, and its length, in order.
        steps: that were made in all.
        length: of the task, drawn as a line.

    Returns:
        A matplotlib figure that belongs to no window: save it, or hand it to TensorBoard.
    """
    # Matplotlib takes a second to import, and most commands draw nothing.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    reached = [(first, each) for first, each in stages if first < steps] or [stages[0]]
    firsts, lengths = zip(*reached, strict=True)
    axes.step([*firsts, steps], [*lengths, lengths[-1]], where="post", linewidth=1.6)
    axes.axhline(length, color="grey", linewidth=0.8, linestyle=(0, (1, 3)), label="the task")
    axes.set(title="Stages of the curriculum", xlabel="training step", ylabel="digits to read")
    axes.set_yscale("log")
    least = min(each for _, each in reached)
    # Where it begins and where it is to end, and round numbers that are well between.
    between = [10**n for n in range(1, 7) if 1.5 * least < 10**n < length / 1.5]
    axes.set_yticks([least, *between, length], minor=False)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", frameon=False)
    return figure
