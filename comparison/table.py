"""The table of a comparison: what the seeds of each architecture and setting say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill, wrap
from typing import TYPE_CHECKING

from command_line.names import visible
from comparison.groups import Group, constant, grouped, is_number, short_names, spread, varied
from comparison.measures import MEASURES, headline
from comparison.records import Record
from figures.panels import shortened
from storage.files import written_whole
from storage.lock import locked

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

MARKDOWN = "table.md"
MOST_FAILURES = 10
# Letters of a text in a table that is too wide.
SHORTEST_TEXT = 12
# Between two columns.
GAP = 3


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        title: above it.
        cell: what it says of a group.
        rank: columns of a higher one are left out first where a terminal is too narrow.
        is_number: whether it is set to the right.
        measures: whether it says what came out, rather than of what.
    """

    title: str
    cell: Callable[[Group], str]
    rank: int = 0
    is_number: bool = True
    measures: bool = True


def write_table(folder: Path, records: Sequence[Record]) -> None:
    """Write the whole table to table.md, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    text = markdown(grouped(records), columns_of(records), remarks(records))
    with locked(folder), written_whole(folder / MARKDOWN) as file:
        file.write(text)


def print_table(folder: Path, records: Sequence[Record]) -> None:
    """Print as much of the table as the terminal is wide, and say where the whole one is."""
    from rich.console import Console

    groups, columns = grouped(records), columns_of(records)
    console = Console(highlight=False)
    table, left_out = _fitting(groups, columns, console.width)
    console.print(table)
    texts = remarks(records, MOST_FAILURES)
    if left_out:
        texts.insert(0, f"Too narrow for {', '.join(left_out)}: see {folder / MARKDOWN}.")
    for text in texts:
        # Paths and names stay whole, whatever their length.
        lines = wrap(
            text,
            console.width,
            subsequent_indent="  " if text.startswith(" ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines:
            console.print(visible(line), markup=False, soft_wrap=True)


def columns_of(records: Sequence[Record]) -> list[Column]:
    """All columns that have something to say of these runs."""
    names = short_names(flag for record in records for flag in record.settings)
    columns = [Column("model", lambda group: group.model, is_number=False, measures=False)]
    for flag, values in varied(records).items():
        numbers = all(map(is_number, values))
        columns.append(Column(names[flag], _setting(flag), is_number=numbers, measures=False))
    columns.append(Column("seeds", lambda group: str(len(group.finished)), 1))
    finished = [record for record in records if record.finished]
    if any(record.solved is not None for record in finished):
        columns.append(Column("solved", _solved))
    kept = (headline(records), "steps_to_converge")
    for name in MEASURES:
        if any(name in record.numbers for record in finished):
            columns.append(_measured(name, main=name in kept))
    return columns


def remarks(records: Sequence[Record], most_failures: int | None = None) -> list[str]:
    """What stands below the table: how to read it, and what is not in it.

    Args:
        records: all rows of the results.
        most_failures: how many failed runs are listed; None: all of them.
    """
    finished = [record for record in records if record.finished]
    texts = ["Mean ± standard deviation over the finished seeds."]
    if any(record.solved is not None for record in finished):
        texts = [
            "Mean ± standard deviation over the finished seeds; steps to converge over the solved "
            "ones alone."
        ]
    set_to = [f"{flag} = {value}" for flag, value in constant(records).items()]
    if set_to:
        texts.append(f"In all runs: {', '.join(set_to)}.")
    failed = [record for record in records if record.failed]
    unfinished = len(records) - len(finished) - len(failed)
    if unfinished:
        texts.append(f"Not finished: {unfinished} of {len(records)} runs.")
    if failed:
        texts.append(f"Failed: {len(failed)} of {len(records)} runs.")
        texts += [f"  {record.run}: {record.error}" for record in failed[:most_failures]]
        if most_failures is not None and len(failed) > most_failures:
            texts.append(f"  and {len(failed) - most_failures} more")
    return texts


def markdown(groups: Sequence[Group], columns: Sequence[Column], texts: Sequence[str]) -> str:
    """The table and its remarks as Markdown."""
    rows = [[_escaped(column.cell(group)) for column in columns] for group in groups]
    lines = [
        [_escaped(column.title) for column in columns],
        ["---:" if column.is_number else "---" for column in columns],
        *rows,
    ]
    table = [f"| {' | '.join(line)} |" for line in lines]
    below = [f"- {_escaped(text.strip())}" if text[0] == " " else _escaped(text) for text in texts]
    paragraphs = "".join(text + ("\n" if text.startswith("- ") else "\n\n") for text in below)
    return "\n".join(table) + "\n\n" + paragraphs.rstrip("\n") + "\n"


def _fitting(
    groups: Sequence[Group], columns: Sequence[Column], width: int
) -> tuple[RenderableType, list[str]]:
    """The table as a width has room for it, and the titles of columns that were left out.

    Numbers are never cut. Titles are broken first and texts are shortened, as long as they still
    say what is what; then columns are left out. Where that is not enough, each group is a block.
    """
    shown = list(columns)
    while True:
        for cells in _forms(groups, shown):
            if sum(map(_width, cells)) + GAP * (len(cells) - 1) <= width:
                return _drawn(shown, cells), [each.title for each in columns if each not in shown]
        last = max(reversed(shown), key=lambda column: column.rank)
        if not last.rank:
            return _blocks(groups, columns), []
        shown.remove(last)


def _forms(groups: Sequence[Group], columns: Sequence[Column]) -> Iterator[list[list[str]]]:
    """The columns, their titles first, from as they are to as narrow as they may be."""
    whole = [[each.title, *(each.cell(group) for group in groups)] for each in columns]
    yield whole
    texts = [not each.is_number for each in columns]
    broken = [
        [fill(title, max([*map(len, cells), *map(len, title.split())])), *cells]
        for title, *cells in whole
    ]
    longest = max((_width(cells) for cells, text in zip(broken, texts, strict=True) if text))
    for room in range(max(longest, SHORTEST_TEXT), SHORTEST_TEXT - 1, -1):
        form = [
            [title, *(shortened(cell, room) for cell in cells)] if text else [title, *cells]
            for (title, *cells), text in zip(broken, texts, strict=True)
        ]
        if all(len({*one}) == len({*other}) for one, other in zip(form, broken, strict=True)):
            yield form


def _width(cells: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(cell_len(line) for cell in cells for line in cell.split("\n"))


def _drawn(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column, (title, *_) in zip(columns, cells, strict=True):
        # What was typed is shown as it is, also if it has brackets.
        justify = "right" if column.is_number else "left"
        table.add_column(Text(title), justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in zip(*(column[1:] for column in cells), strict=True):
        table.add_row(*map(Text, row))
    return table


def _blocks(groups: Sequence[Group], columns: Sequence[Column]) -> RenderableType:
    """Each group by itself: its settings, and a line a number."""
    from rich.console import Group as Lines
    from rich.text import Text

    measured = [column for column in columns if column.measures]
    longest = max(len(column.title) for column in measured)
    lines = []
    for group in groups:
        named = [each for each in columns if each not in measured]
        settings = [f"{each.title} {each.cell(group)}" for each in named[1:]]
        lines.append(Text(", ".join([named[0].cell(group), *settings])))
        lines += [Text(f"  {each.title:{longest}}  {each.cell(group)}") for each in measured]
    return Lines(*lines)


def _setting(flag: str) -> Callable[[Group], str]:
    return lambda group: visible(group.settings[flag])


def _measured(name: str, main: bool) -> Column:
    measure = MEASURES[name]

    def cell(group: Group) -> str:
        values = group.values(name)
        if name == "parameters":
            # All seeds have the same.
            return measure.number(values[0]) if values else ""
        text = spread(values, measure.number)
        # Of steps to converge, the column beside it tells how many they are of.
        partial = values and len(values) < len(group.finished) and name != "steps_to_converge"
        return f"{text} ({len(values)} of {len(group.finished)})" if partial else text

    return Column(measure.title, cell, 0 if main else measure.rank)


def _solved(group: Group) -> str:
    return "" if group.solved is None else f"{group.solved} of {len(group.finished)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
