"""Reading checkpoints that people name on the command line."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from command_line.errors import UsageError
from command_line.run_folder import RunFolder
from command_line.yaml_text import MOST_VALUES
from storage.archive import Broken, check_archive, first_line

# What every checkpoint of this project holds.
KINDS = {"config": dict, "state_dict": dict, "global_step": int}
# Levels of groups within groups.
DEEPEST = 100
# How many intact checkpoints a message names.
MOST_NAMED = 3

if TYPE_CHECKING:
    from torch import nn


def find_checkpoint(path: Path, preferred: str) -> Path:
    """The checkpoint at `path`: the file itself, or one of the run whose folder it is.

    Args:
        path: of a checkpoint or of a run's folder.
        preferred: which checkpoint of a run to take, `last` or `best`; the other one if the run
            has no such checkpoint.

    Raises:
        UsageError: there is none.
    """
    # Not those of Path, which fail where a name is too long to be one of a file.
    if os.path.isdir(path):
        folder = RunFolder(path.parent if path.name == "checkpoints" else path)
        for name in (preferred, "last", "best"):
            if folder.checkpoint(name).is_file():
                return folder.checkpoint(name)
        if there := _there(folder):
            raise UsageError(f"no checkpoint {preferred}.ckpt in {folder.checkpoints}{there}")
        raise UsageError(f"no checkpoint in {folder.checkpoints}: it is not the folder of a run")
    if not os.path.isfile(path):
        runs = (folder.parent for folder in path.parent.glob("*/checkpoints"))
        others = sorted(map(str, [*path.parent.glob("*.ckpt"), *runs]))
        hint = f"; there are {', '.join(others)}" if others else ""
        raise UsageError(f"no checkpoint at {path}{hint}")
    return path


def find_named_checkpoint(folder: RunFolder, name: str) -> Path:
    """Checkpoint `last` or `best` of a run.

    Raises:
        UsageError: the run has no such checkpoint.
    """
    path = folder.checkpoint(name)
    if path.is_file():
        return path
    siblings = sorted(each.parent.name for each in folder.path.parent.glob("*/checkpoints"))
    hint = f"; runs beside it: {', '.join(siblings)}" if siblings else ""
    raise UsageError(f"no checkpoint '{name}' in {folder.path}{_there(folder) or hint}")


def _there(folder: RunFolder) -> str:
    """Which checkpoints a run has, if any."""
    there = sorted(map(str, filter(Path.is_file, folder.checkpoints.glob("*.ckpt"))))
    return f"; there are {', '.join(there)}: name one of them" if there else ""


def read_checkpoint(path: Path, subcommand: str = "fit") -> dict[str, Any]:
    """Read a checkpoint of this project, plain types and tensors only, and all as it was written.

    Args:
        path: of the file.
        subcommand: that reads it, which another checkpoint is suggested to.

    Raises:
        UsageError: the file is broken, or not a checkpoint of this project; it says which other
            checkpoints of the run are intact, and how to go on from the latest of them.
    """
    try:
        return _read(path)
    except Broken as error:
        raise UsageError(
            f"{path} is not a checkpoint of this project, or is broken: {error.reason}"
            f"{_way_on(path, subcommand)}"
        ) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        check_archive(path)
    except OSError as error:
        raise Broken(path, f"it cannot be read, {error.strerror}") from None
    # Seconds, which what is no archive need not cost.
    import torch

    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise Broken(path, "it holds more than tensors and plain types") from None
    except Exception as error:
        # What torch makes of a changed header has no end of names.
        raise Broken(path, first_line(error)) from None
    for key, kind in KINDS.items():
        if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(key), kind):
            raise Broken(path, f"it holds no {key}")
    if not _is_countable(checkpoint["config"]):
        raise Broken(path, "its settings are without end")
    return checkpoint


def _is_countable(settings: Any) -> bool:
    """Whether settings have no more values, with all that is repeated, than a training may have."""
    left, waiting = MOST_VALUES, [(settings, DEEPEST)]
    while waiting:
        value, depth = waiting.pop()
        children = value.values() if isinstance(value, dict) else value
        if isinstance(value, (dict, list, tuple)) and children:
            left -= len(children)
            if left < 0 or not depth:
                return False
            waiting += [(child, depth - 1) for child in children]
    return True


def intact(files: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The checkpoints among some files that are as they were written, and their content."""
    for file in sorted(files):
        with suppress(Broken):
            yield file, _read(file)


def _way_on(broken: Path, subcommand: str) -> str:
    """What is intact of the run that a broken checkpoint is of, and the command that goes on."""
    if broken.parent.name != "checkpoints":
        # It may be the checkpoint of some other run.
        return ""
    others = (file for file in broken.parent.glob("*.ckpt") if file != broken)
    steps = [(checkpoint["global_step"], file) for file, checkpoint in intact(others)]
    if steps:
        steps.sort(key=lambda each: each[0], reverse=True)
        names = [f"{file.name} of step {step}" for step, file in steps[:MOST_NAMED]]
        rest = f" and {len(steps) - MOST_NAMED} more" if len(steps) > MOST_NAMED else ""
        return (
            f"; intact beside it: {', '.join(names)}{rest}; go on with: "
            f"python train.py {subcommand} --ckpt_path {shlex.quote(str(steps[0][1]))}"
        )
    config = RunFolder(broken.parent.parent).config_file
    if not config.is_file():
        return ""
    return (
        f"; no other checkpoint of the run is intact, but its settings are: train it again with: "
        f"python train.py fit --config {shlex.quote(str(config))} --run.name NAME"
    )


def check_complete(checkpoint: dict[str, Any], path: Path) -> None:
    """Make sure that a training can go on from a checkpoint.

    Raises:
        UsageError: something is missing.
    """
    for key in ("optimizer_states", "lr_schedulers", "loops", "callbacks"):
        if key not in checkpoint:
            raise UsageError(f"{path} is no checkpoint to go on from: it holds no {key}")


def load_weights(model: nn.Module, checkpoint: dict[str, Any], path: Path) -> None:
    """Put a checkpoint's weights into a model.

    Raises:
        UsageError: they are not those of such a model.
    """
    try:
        model.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise UsageError(f"{path} does not fit the model that it names: {reason}") from None
