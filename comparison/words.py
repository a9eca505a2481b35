"""What a comparison says to a person before and after its runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size
from textwrap import wrap

from command_line.advice import quoted
from comparison.definition import Definition
from comparison.folder import ComparisonFolder, State
from comparison.grid import Run
from comparison.learning_curves import CURVES
from comparison.records import Record, ending_early, read_curves

WIDTH = 80
# The width of what stands beside the names of settings.
LEAST = 20
MOST_VALUES = 8


def announcement(
    definition: Definition, folder: ComparisonFolder, states: Counter[State], place: str
) -> str:
    """The grid, before it starts.

    Args:
        definition: of the comparison.
        folder: of the comparison.
        states: how many runs have come how far.
        place: what carries them out, in words.
    """
    grid = definition.grid
    rows = [("config", str(definition.config)), ("model", _listed(grid.models))]
    rows += [(flag, _listed(values)) for flag, values in grid.varied.items()]
    rows.append(("seed", _listed([str(seed) for seed in grid.seeds])))
    rows += [(flag, f"{value} in all") for flag, value in definition.fixed.items()]
    if definition.test_lengths:
        rows.append(("test lengths", _listed(list(map(str, definition.test_lengths)))))
    known = {
        State.FINISHED: "finished already",
        State.TRAINED: "trained, not measured",
        State.BEGUN: "begun",
        State.FAILED: "failed",
    }
    done = [f"{states[state]} {words}" for state, words in known.items() if states[state]]
    retry = " (once more with --retry_failed)" if states[State.FAILED] else ""
    rows += [
        ("state", (", ".join(done) + retry) or "none of them begun"),
        ("place", place),
        ("folder", str(folder.path)),
        ("look", f"tensorboard --logdir {quoted(folder.path / 'runs')}"),
    ]
    factors = [
        _counted(len(grid.models), "model"),
        *(_counted(len(values), _short(flag)) for flag, values in grid.varied.items()),
        _counted(len(grid.seeds), "seed"),
    ]
    heading = f"{_counted(len(grid), 'run')}: {' x '.join(factors)}"
    indent = max(len(name) for name, _ in rows) + 4
    return "\n".join([heading, *(_row(name, words, indent) for name, words in rows)])


def drawn(folder: Path, records: Sequence[Record], files: Sequence[Path]) -> str:
    """Where the figures are, and what there is none of, and why.

    Args:
        folder: of the comparison.
        records: all rows of its results.
        files: of the pictures.
    """
    if not files:
        return "No run that is finished has anything to draw."
    lines = []
    solved = {record.solved for record in records if record.finished}
    if False in solved and True not in solved:
        lines.append("No run has converged, so there is no figure of the steps to converge.")
    if not (folder / CURVES).is_file():
        lines.append(f"There is no {CURVES}, so there are no curves over steps.")
    if early := ending_early(records, read_curves(folder)):
        lines.append(
            f"The curves of {_listed(early)} end before the last step: {CURVES}, or the events "
            f"that it was made from, have lost some."
        )
    # Each is there as PNG and as SVG.
    figures = {file.stem for file in files}
    lines += [
        f"{_counted(len(figures), 'figure')} in {files[0].parent}, as PNG and SVG; also in:",
        f"  tensorboard --logdir {quoted(folder)}",
    ]
    return "\n".join(lines)


def closing(folder: ComparisonFolder, runs: Sequence[Run], how: Sequence[str] = ()) -> str:
    """What has failed, and why, and how to try it again; '' if nothing has.

    Args:
        folder: of the comparison.
        runs: all of its grid.
        how: flags that say how it was carried out, such as --jobs.
    """
    failed = [run for run in runs if folder.state(run) is State.FAILED]
    if not failed:
        return ""
    lines = [f"{len(failed)} of {_counted(len(runs), 'run')} failed:"]
    for run in failed:
        lines += [f"  {run}: {folder.failure(run)}", f"    {folder.log(run)}"]
    again = command(folder, how)
    return "\n".join([*lines, f"Once more with:\n  {again} --retry_failed"])


# Before there is a folder to go on with.
NOT_BEGUN = "Interrupted before any run; nothing has changed. Give the same command again."


def interrupted(folder: ComparisonFolder, how: Sequence[str] = ()) -> str:
    """How to go on with what was stopped, in the same way."""
    return f"Interrupted; nothing is lost. Go on with:\n  {command(folder, how)}"


def command(folder: ComparisonFolder, how: Sequence[str] = ()) -> str:
    return " ".join(["python train.py compare --config", quoted(folder.definition_file), *how])


def _row(name: str, words: str, indent: int) -> str:
    width = max(min(WIDTH, get_terminal_size().columns) - indent, LEAST)
    lines = wrap(words, width, break_long_words=False, break_on_hyphens=False)
    first, *rest = lines or [""]
    return "\n".join([f"  {name:{indent - 2}}{first}", *(" " * indent + line for line in rest)])


def _listed(values: Sequence[str]) -> str:
    if len(values) <= MOST_VALUES:
        return ", ".join(values)
    return f"{', '.join(values[:3])}, ..., {values[-1]} ({len(values)} values)"


def _short(flag: str) -> str:
    return flag.rpartition(".")[2]


def _counted(count: int, noun: str) -> str:
    # Settings may be named in the plural: 2 num_layers.
    return f"{count} {noun}" + "s" * (count != 1 and not noun.endswith("s"))
