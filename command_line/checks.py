"""What the parser lets through although nothing could be made of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from command_line.errors import UsageError
from command_line.messages import Choices, listed
from command_line.settings import class_of, defining, describe, differences

GROUPS = ("trainer", "convergence", "checkpoints", "run")


def check_parsed(config: Mapping[str, Any], choices: Choices) -> None:
    """Make sure that a parsed config can be built.

    Args:
        config: as parsed, with nested groups.
        choices: of each key that takes a class, the classes by name.

    Raises:
        UsageError: a group is something else, or there is no model or data to be made.
    """
    for key in GROUPS:
        if not hasattr(config[key], "items"):
            raise UsageError(f"{key} is a group of settings, such as {key}.NAME, got {config[key]}")
    for key in ("model", "data"):
        chosen, names = class_of(config[key]), choices[key]
        if not chosen:
            raise UsageError(f"the config names no {key}: add --{key}{listed(names)}")
        if chosen not in names:
            raise UsageError(f"{key} {chosen} is only a base of others{listed(names)}")
    for key in ("val_check_interval", "accumulate_grad_batches"):
        value = config["trainer"][key]
        if isinstance(value, int) and value < 1:
            raise UsageError(f"trainer.{key} must be at least 1, got {value}")
    if config["trainer"]["overfit_batches"]:
        raise UsageError("trainer.overfit_batches does not work on data that never end")


def check_resumable(
    file: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any], *, trains: bool
) -> None:
    """A run that goes on is the run that it was; to be measured, its model must be the same.

    Args:
        file: the checkpoint, to name it.
        theirs: the checkpoint's config.
        ours: the config of this command.
        trains: whether the run goes on, rather than being measured.

    Raises:
        UsageError: they differ in what makes the run, or the model.
    """
    changed = differences(defining(theirs), defining(ours))
    if not trains:
        changed = {key: pair for key, pair in changed.items() if key.startswith("model.")}
    if changed:
        may = "what does not change the training, such as trainer.max_steps," if trains else "data"
        raise UsageError(
            f"{file} is of another run: {describe(changed, 'there', 'in this command')}; only "
            f"{may} may differ"
        )
