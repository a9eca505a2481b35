"""What may be done with a run next: commands that are not refused in the state that it is in."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from command_line.settings import KNOWN_PACKAGES
from command_line.yaml_text import NotRead, load

# Models, or cells of a model, that do the same task.
COMPARED = (("RNN", "LSTM", "RRN", "GRU"), ("GCN", "CellGCN", "GCNII"))
# Steps that a converged run is asked to keep up its accuracy for.
WINDOW = 50
# Initial weights that only cells with gates for their memory have.
GATED = ("LSTM", "GRU")
# In front of what is told, in columns.
LABEL = 15


class Advice(NamedTuple):
    """A command, a word in front of it, and what it does where that does not go without saying."""

    label: str
    command: str
    does: str = ""

    def __str__(self) -> str:
        line = f"  {self.label:{LABEL}}{self.command}"
        return line + f"\n{' ' * (LABEL + 2)}{self.does}" * bool(self.does)


def quoted(path: Path) -> str:
    """A path as it can be typed, also where it begins with a dash."""
    text = str(path)
    return shlex.quote(os.path.join(".", text) if text.startswith("-") else text)


def going_on(folder: Path) -> str:
    """The command with which a run goes on.

    Its config is named too where it has callbacks or the like of somebody's own, which a checkpoint
    alone may not bring along.

    Args:
        folder: of the run.
    """
    config = folder / "config.yaml"
    settings = {}
    with suppress(OSError, NotRead):
        settings = load(config.read_text(encoding="utf-8"))
    named = [name.partition(".")[0] for name in _classes(settings.get("trainer"))]
    own = any(name not in KNOWN_PACKAGES for name in named)
    flag = f"--config {quoted(config)} " if own else ""
    return f"python train.py fit {flag}--ckpt_path {quoted(folder)}"


def _classes(value: Any) -> Iterator[str]:
    """Class paths anywhere in settings."""
    if isinstance(value, Mapping):
        if "class_path" in value:
            yield str(value["class_path"])
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _classes(each)


def next_steps(
    result: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]
) -> list[Advice]:
    """Commands to look at a finished run, to train on, and to use what it has learned.

    Args:
        result: as in result.json.
        folder: of the run.
        settings: of the run, dotted; as far as they are known.
    """
    run = quoted(folder)
    steps = [Advice("look", f"tensorboard --logdir {quoted(folder.parent.parent)}")]
    onward = _onward(result, settings)
    if onward:
        flags, does = onward
        command = " ".join([going_on(folder), *flags])
        steps.append(Advice("resume", command, does))
    if result["model"] == "CharGenerator":
        steps += _other_cell(result, folder, settings)
        steps.append(Advice("write", f"python train.py generate --ckpt_path {run}"))
    else:
        steps += _other_model(result, folder, settings)
    if result["model"] in COMPARED[1]:
        steps.append(Advice("predict", f"python train.py predict --ckpt_path {run}"))
    return steps


def _onward(result: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[list[str], str] | None:
    """Flags with which a run trains on, and for how long it then does; None where it cannot."""
    steps = result["steps"]
    most = settings.get("trainer.max_steps", steps)
    further = _further(steps, settings)
    # A run that has come to its last step needs more of them in any case.
    more = [f"--trainer.max_steps {further}"] if steps >= most >= 0 else []
    last = further if more else most
    if more and further <= steps:
        # The schedule of its learning rate is over.
        return None
    end = f"at most to step {last}" if last >= 0 else "without end"
    if result["steps_to_converge"]:
        window = WINDOW if result["window"] < WINDOW else 2 * result["window"]
        until = f"until the mean of {window} steps is {result['threshold']:g}"
        return [f"--convergence.window {window}", *more], f"trains on {until}, {end}"
    if result.get("stopped_early"):
        return ["--early_stopping.patience null", *more], f"trains on, better or not, {end}"
    if more:
        return more, f"trains on to step {further}"
    epochs = settings.get("trainer.max_epochs", -1) or -1
    if epochs > 0:
        return [f"--trainer.max_epochs {2 * epochs}"], "trains on for as many epochs again"
    if settings.get("trainer.max_time"):
        return [], f"trains on for as long again, {end}"
    return [f"--trainer.max_steps {further}"], f"trains on to step {further}"


def _further(steps: int, settings: Mapping[str, Any]) -> int:
    """Twice the steps, or as many as the schedule of the learning rate has."""
    schedule = "lr_scheduler.init_args."
    total = settings.get(f"{schedule}total_steps")
    if total is None and settings.get(f"{schedule}epochs"):
        total = settings[f"{schedule}epochs"] * settings[f"{schedule}steps_per_epoch"]
    return 2 * steps if total is None else min(2 * steps, total)


def _other_model(
    result: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]
) -> list[Advice]:
    """How to train another model in the same way; nothing where none is known to do the same."""
    ours = result["model"]
    names = next((names for names in COMPARED if ours in names), ())
    others = _initialized([name for name in names if name != ours], settings)
    # A run that is there already would be in the way.
    others = [name for name in others if not (folder.parent.parent / name / folder.name).exists()]
    if not others:
        return []
    first, *rest = others
    # Another run than the first one of all is followed with its own settings.
    default = folder == Path("runs/palindromes") / ours / "default"
    same = "" if default else f"--config {quoted(folder / 'config.yaml')} "
    hint = f"   (or {', '.join(rest)})" * bool(rest)
    return [Advice("other model", f"python train.py {same}--model {first}{hint}")]


def _other_cell(
    result: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]
) -> list[Advice]:
    """How to train a generator of another cell in the same way, beside this one."""
    ours = result["hparams"].get("cell")
    others = _initialized([name for name in COMPARED[0] if name != ours], settings)
    if settings.get("data.init_args.reading") == "contiguous":
        # Nothing bounds its state, so it does not read streams.
        others = [name for name in others if name != "RRN"]
    for cell in others:
        name = f"cell={cell}" if folder.name == "default" else f"{folder.name},cell={cell}"
        if not (folder.parent / name).exists():
            config = quoted(folder / "config.yaml")
            command = f"python train.py --config {config} --model.cell {cell}"
            return [Advice("other cell", f"{command} --run.name {shlex.quote(name)}")]
    return []


def _initialized(names: list[str], settings: Mapping[str, Any]) -> list[str]:
    """Those of some cells or models that can begin with the same kind of weights."""
    kind = str(settings.get("model.init_args.initialization", ""))
    return [name for name in names if name in GATED] if kind.startswith("chrono") else names
