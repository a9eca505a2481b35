"""Accuracy over the length of the test: what was learned at one length, at many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from command_line.lengths_file import AtLength
from comparison.groups import Group, grouped, varied
from comparison.layout import all_groups, headed, laid_out, seeds
from comparison.records import Record
from figures.at_lengths import draw_at_lengths
from figures.comparisons import Series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAINED = "data.length"


def over_lengths(
    finished: Sequence[Record], lengths: Mapping[str, Sequence[AtLength]]
) -> Iterator[tuple[str, Figure]]:
    """Draw the accuracy of all runs that were measured at many lengths.

    Args:
        finished: runs.
        lengths: what each came to, by the name of the run.

    Yields:
        The name of a file without its ending, and the figure.
    """
    drawn = [run for run in finished if lengths.get(run.run)]
    if not drawn:
        return
    told = "; names tell the length trained at" if TRAINED in varied(drawn) else ""
    for page in laid_out(grouped(drawn)):
        panels = {
            title: [_series(line, groups, lengths) for line, groups in lines.items()]
            for title, lines in page.panels.items()
        }
        trained = {
            title: sorted(
                {
                    each.trained_length
                    for groups in lines.values()
                    for each in _measured(groups, lengths)
                }
            )
            for title, lines in page.panels.items()
        }
        title = headed(
            "test accuracy at other lengths than trained at",
            f"mean ± standard deviation over {seeds(all_groups(page))}{told}",
            page,
            finished,
        )
        guessing = lengths[drawn[0].run][0].guessing
        figure = draw_at_lengths(panels, trained, guessing, title)
        yield f"accuracy_at_length{page.suffix}", figure


def _series(
    name: str, groups: Sequence[Group], lengths: Mapping[str, Sequence[AtLength]]
) -> Series:
    values: dict[float, list[float]] = {}
    for each in _measured(groups, lengths):
        values.setdefault(each.test_length, []).append(each.accuracy)
    return Series(name, values)


def _measured(
    groups: Sequence[Group], lengths: Mapping[str, Sequence[AtLength]]
) -> Iterator[AtLength]:
    for group in groups:
        for record in group.records:
            yield from lengths[record.run]
