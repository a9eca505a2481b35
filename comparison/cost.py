"""What was reached against what it costs: parameters, and time of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from comparison.groups import Group, grouped, varied
from comparison.layout import all_groups, laid_out, seeds
from comparison.measures import MEASURES, headline
from comparison.records import Record
from figures.scatter import Point, draw_scatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COSTS = {"parameters": "parameters", "seconds": "time"}


def against_cost(finished: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
    """Draw the accuracy against parameters and against time, where these differ at all.

    Settings that change the number of parameters are points of one line; all others are told
    apart as in every figure.

    Args:
        finished: runs.

    Yields:
        The name of a file without its ending, and the figure.
    """
    groups = grouped(finished)
    measure = headline(finished)
    sizes = [flag for flag in varied(finished) if _changes_parameters(flag, groups)]
    for cost, word in COSTS.items():
        if len({value for group in groups for value in group.values(cost)}) < 2:
            continue
        for page in laid_out(groups, own=sizes):
            panels = {
                title: {
                    line: [
                        Point(group.values(cost), group.values(measure))
                        for group in each
                        if group.values(cost) and group.values(measure)
                    ]
                    for line, each in lines.items()
                }
                for title, lines in page.panels.items()
            }
            what = MEASURES[measure].label.partition(" (")[0]
            title = (
                f"{what[0].upper()}{what[1:]} against {MEASURES[cost].label.partition(' (')[0]}"
                f"{page.note}\nmean ± standard deviation over {seeds(all_groups(page))}"
            )
            figure = draw_scatter(
                panels,
                title,
                MEASURES[cost].label,
                MEASURES[measure].label,
                MEASURES[measure].limits,
            )
            yield f"{measure}_against_{word}{page.suffix}", figure


def _changes_parameters(flag: str, groups: Sequence[Group]) -> bool:
    """Whether any two groups that differ in this setting alone differ in their parameters."""
    sizes: dict[tuple[object, ...], set[float]] = {}
    for group in groups:
        others = tuple((key, value) for key, value in group.settings.items() if key != flag)
        sizes.setdefault((group.model, others), set()).update(group.values("parameters"))
    return any(len(each) > 1 for each in sizes.values())
