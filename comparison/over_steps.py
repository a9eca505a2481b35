"""Curves over steps: the mean of the seeds, in a band."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from comparison.groups import grouped
from comparison.layout import all_groups, headed, laid_out, seeds
from comparison.records import Curve, Record
from figures.curves_over_steps import draw_over_steps, on_common_steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {
    "accuracy": "accuracy (moving average of the training)",
    "loss": "training loss (nats)",
    "validation_accuracy": "validation accuracy",
    "validation_loss": "validation loss (nats)",
}


def over_steps(
    finished: Sequence[Record], curves: Mapping[str, Curve]
) -> Iterator[tuple[str, Figure]]:
    """Draw the curves of all finished runs, of the training and of what was held out.

    Args:
        finished: runs.
        curves: by the name of the run.

    Yields:
        The name of a file without its ending, and the figure.
    """
    for name in LABELS:
        # A run that converged before its first validation has none, and would bend the mean.
        if name.startswith("validation") and any(run.solved is not None for run in finished):
            continue
        drawn = [run for run in finished if len(curves.get(run.run, {}).get(name, ())) > 1]
        if not drawn:
            continue
        for page in laid_out(grouped(drawn)):
            panels = {
                title: {
                    line: on_common_steps(
                        [curves[run.run][name] for g in groups for run in g.records]
                    )
                    for line, groups in lines.items()
                }
                for title, lines in page.panels.items()
            }
            title = headed(
                f"{LABELS[name].partition(' (')[0]} over training steps",
                f"mean ± standard deviation over {seeds(all_groups(page))}; "
                "stopped runs keep their last value",
                page,
                finished,
            )
            limits = (0.0, 1.0) if "accuracy" in name else (0.0, None)
            figure = draw_over_steps(panels, title, "training step", LABELS[name], limits)
            yield f"curves_{name}{page.suffix}", figure
