"""What was reached against what it costs: parameters, and time of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from comparison.groups import Group, grouped, short_names, varied
from comparison.layout import all_groups, headed, laid_out, seeds
from comparison.measures import MEASURES, headline
from comparison.records import Record
from figures.scatter import Point, draw_scatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COSTS = {"parameters": "parameters", "seconds": "time"}


def against_cost(finished: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
    """Draw the accuracy against parameters and against time, where these differ at all.

    Settings that change the number of parameters are points of one line, as are all settings of
    a single architecture, written beside the points; all others are told apart as in every figure.

    Args:
        finished: runs.

    Yields:
        The name of a file without its ending, and the figure.
    """
    groups = grouped(finished)
    measure = MEASURES[headline(finished)]
    settings = varied(finished)
    alone = len({group.model for group in groups}) == 1
    # Of one architecture there would be a point a panel.
    own = [flag for flag in settings if alone or _changes_parameters(flag, groups)]
    told = own if alone else []
    names = short_names(settings)
    beside = f"; beside each point: {', '.join(names[flag] for flag in told)}" if told else ""
    for cost, word in COSTS.items():
        if len({value for group in groups for value in group.values(cost)}) < 2:
            continue
        for page in laid_out(groups, own=own):
            panels = {
                title: {
                    line: _points(each, cost, headline(finished), told)
                    for line, each in lines.items()
                }
                for title, lines in page.panels.items()
            }
            title = headed(
                f"{measure.name} against {MEASURES[cost].name}",
                f"mean ± standard deviation over {seeds(all_groups(page))}{beside}",
                page,
                finished,
            )
            figure = draw_scatter(
                panels, title, MEASURES[cost].label, measure.label, measure.limits
            )
            yield f"{headline(finished)}_against_{word}{page.suffix}", figure


def _points(
    groups: Sequence[Group],
    cost: str,
    measure: str,
    told: Sequence[str],
) -> list[Point]:
    """A point a group; `told` are the settings that are written beside it."""
    return [
        Point(
            group.values(cost),
            group.values(measure),
            ", ".join(group.settings[flag] for flag in told),
        )
        for group in groups
        if group.values(cost) and group.values(measure)
    ]


def _changes_parameters(flag: str, groups: Sequence[Group]) -> bool:
    """Whether any two groups that differ in this setting alone differ in their parameters."""
    sizes: dict[tuple[object, ...], set[float]] = {}
    for group in groups:
        others = tuple((key, value) for key, value in group.settings.items() if key != flag)
        sizes.setdefault((group.model, others), set()).update(group.values("parameters"))
    return any(len(each) > 1 for each in sizes.values())
