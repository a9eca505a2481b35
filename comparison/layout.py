"""Which runs are a line, which a panel and which a page of their own, so that it stays readable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from comparison.groups import Group, constant, short_names, varied
from comparison.records import Record
from figures.panels import MOST_PANELS

# Of one panel.
MOST_LINES = 6


@dataclass
class Page:
    """A figure: the groups of each line of each panel.

    Attributes:
        panels: by title of the panel, by name of the line.
        number: of the page, from 1 on; 0 if there is one page alone.
        pages: how many there are.
    """

    panels: dict[str, dict[str, list[Group]]] = field(default_factory=dict)
    number: int = 0
    pages: int = 1

    @property
    def suffix(self) -> str:
        """For the name of its file."""
        return f"_{self.number}" if self.number else ""

    @property
    def note(self) -> str:
        """For its title."""
        return f", part {self.number} of {self.pages}" if self.number else ""


def laid_out(
    groups: Sequence[Group], own: Iterable[str] = (), models_differ: bool = True
) -> list[Page]:
    """Sort groups into lines, panels and pages.

    A line is an architecture with a value of every varied setting but for `own`, while there are
    at most 6 of them; where there are more, every combination of settings is a panel in which the
    lines are the architectures; and where there are more than 20 panels, they go on on further
    pages. So nothing is left out.

    Args:
        groups: of the finished runs.
        own: settings that have an axis of their own.
        models_differ: whether architectures are lines; else they have an axis of their own.
    """
    flags = [flag for flag in varied(_records(groups)) if flag not in set(own)]
    names = short_names(flag for group in groups for flag in group.settings)

    def settings(group: Group) -> str:
        return ", ".join(f"{names[flag]} {group.settings[flag]}" for flag in flags)

    def model(group: Group) -> str:
        return group.model if models_differ else ""

    in_one: dict[str, list[Group]] = {}
    in_panels: dict[str, dict[str, list[Group]]] = {}
    alone = len({model(group) for group in groups}) == 1
    for group in groups:
        words = [model(group) if not alone or not flags else "", settings(group)]
        in_one.setdefault(", ".join(filter(None, words)), []).append(group)
        in_panels.setdefault(settings(group), {}).setdefault(model(group), []).append(group)
    if len(in_one) <= MOST_LINES or not flags:
        return [Page({"": in_one})]
    titles = list(in_panels)
    count = -(-len(titles) // MOST_PANELS)
    return [
        Page(
            {title: in_panels[title] for title in titles[n * MOST_PANELS : (n + 1) * MOST_PANELS]},
            number=n + 1 if count > 1 else 0,
            pages=count,
        )
        for n in range(count)
    ]


def seeds(groups: Iterable[Group]) -> str:
    """'5 seeds', or '3 to 5 seeds' where groups have different numbers of finished runs."""
    counts = sorted({len(group.finished) for group in groups})
    least, most = counts[0], counts[-1]
    many = f"{least}" if least == most else f"{least} to {most}"
    return f"{many} seed" if most == 1 else f"{many} seeds"


def headed(first: str, second: str, page: Page, finished: Sequence[Record]) -> str:
    """The title of a figure: what it shows, how, and what is the same in all runs."""
    set_to = ", ".join(f"{flag} {value}" for flag, value in constant(finished).items())
    return "\n".join(
        [f"{first[0].upper()}{first[1:]}{page.note}", second] + [set_to] * bool(set_to)
    )


def _records(groups: Iterable[Group]) -> list[Record]:
    return [record for group in groups for record in group.records]


def all_groups(page: Page) -> Iterator[Group]:
    for lines in page.panels.values():
        for groups in lines.values():
            yield from groups
