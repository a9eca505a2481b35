"""The table of a comparison: what the seeds of each architecture and setting say together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from command_line.names import visible
from comparison.groups import Group, constant, grouped, is_number, short_names, spread, varied
from comparison.measures import MEASURES, headline
from comparison.records import Record
from storage.files import written_whole
from storage.lock import locked

if TYPE_CHECKING:
    from rich.table import Table

MARKDOWN = "table.md"
MOST_FAILURES = 10


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        title: above it.
        cell: what it says of a group.
        rank: columns of a higher one are left out first where a terminal is too narrow.
        is_number: whether it is set to the right.
    """

    title: str
    cell: Callable[[Group], str]
    rank: int = 0
    is_number: bool = True


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
    columns = [Column("model", lambda group: group.model, is_number=False)]
    for flag, values in varied(records).items():
        columns.append(Column(names[flag], _setting(flag), is_number=all(map(is_number, values))))
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
) -> tuple[Table, list[str]]:
    """The table with as many columns as a width has room for, and what was left out."""
    from rich.console import Console

    shown = list(columns)
    left_out: list[str] = []
    console = Console(width=10_000)
    while console.measure(table := _drawn(groups, shown)).maximum > width:
        last = max(reversed(shown), key=lambda column: column.rank)
        if not last.rank:
            break
        shown.remove(last)
        left_out.insert(0, last.title)
    return table, left_out


def _drawn(groups: Sequence[Group], columns: Sequence[Column]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        # What was typed is shown as it is, also if it has brackets.
        table.add_column(
            Text(visible(column.title)), justify="right" if column.is_number else "left"
        )
    for group in groups:
        table.add_row(*(Text(visible(column.cell(group))) for column in columns))
    return table


def _setting(flag: str) -> Callable[[Group], str]:
    return lambda group: group.settings[flag]


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
