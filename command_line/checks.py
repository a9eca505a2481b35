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
            raise UsageError(f"the config names no {key}: add --{key}.{listed(names)}")
        if chosen not in names:
            raise UsageError(f"{key} {chosen} is only a base of others.{listed(names)}")
    interval = config["trainer"]["val_check_interval"]
    if isinstance(interval, int) and interval < 1:
        raise UsageError(f"trainer.val_check_interval must be at least 1, got {interval}")


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
        raise UsageError(
            f"{file} is of another run: {describe(changed, 'there', 'in this command')}; only "
            f"what does not change the training, such as trainer.max_steps, may differ"
        )
