"""Reading checkpoints that people name on the command line."""

from __future__ import annotations

import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from command_line.errors import UsageError
from command_line.run_folder import RunFolder

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
    if path.is_dir():
        folder = RunFolder(path.parent if path.name == "checkpoints" else path)
        for name in (preferred, "last", "best"):
            if folder.checkpoint(name).is_file():
                return folder.checkpoint(name)
        raise UsageError(f"no checkpoint in {folder.checkpoints}: it is not the folder of a run")
    if not path.is_file():
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
    raise UsageError(f"no checkpoint '{name}' in {folder.path}{hint}")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of this project, plain types and tensors only.

    Raises:
        UsageError: the file is broken, or not a checkpoint of this project.
    """
    # Seconds, which a checkpoint that is not there need not cost.
    import torch

    if not zipfile.is_zipfile(path):
        raise UsageError(f"{path} is not a checkpoint, or is broken: it is no zip archive")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise UsageError(
            f"{path} is not a checkpoint, or is broken: it holds more than tensors and plain types"
        ) from None
    except (RuntimeError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{path} is not a checkpoint, or is broken: {reason}") from None
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("config"), dict):
        raise UsageError(f"{path} is not a checkpoint of this project: it holds no config")
    for key in ("state_dict", "global_step"):
        if key not in checkpoint:
            raise UsageError(f"{path} is not a checkpoint of this project: it holds no {key}")
    return checkpoint


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
