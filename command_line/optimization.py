"""The optimiser and the schedule that the flags name."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning.cli import ReduceLROnPlateau, instantiate_class
from torch import nn

from command_line.errors import UsageError
from command_line.messages import listed
from lightning_modules import Predictor

# What torch says of settings that do not work, some of it only when it takes a step.
FAULTS = (NotImplementedError, RuntimeError, TypeError, ValueError, ZeroDivisionError)
MONITORED = ("accuracy/validation", "loss/validation")


def configure(
    model: Predictor,
    optimizer_init: dict[str, Any] | None,
    schedule_init: dict[str, Any] | None,
    max_steps: int,
) -> ReduceLROnPlateau | None:
    """Give a model its optimiser and schedule, if the flags name any.

    Args:
        model: to be trained.
        optimizer_init, schedule_init: `class_path` and `init_args`, as parsed.
        max_steps: that it is trained for at most; -1 is without end.

    Returns:
        The schedule, if it waits for a plateau: it is for the caller to step it.

    Raises:
        UsageError: they cannot be made, or do not work.
    """
    if not optimizer_init:
        return None
    try:
        _try_out(optimizer_init, schedule_init)
        optimizer = instantiate_class(model.parameter_groups(), optimizer_init)
        schedule = instantiate_class(optimizer, schedule_init) if schedule_init else None
    except FAULTS as error:
        reason = str(error) or type(error).__name__
        raise UsageError(f"optimizer or lr_scheduler: {reason}") from None
    most = getattr(schedule, "total_steps", None)
    if most is not None and not 0 <= max_steps <= most:
        raise UsageError(
            f"lr_scheduler.total_steps {most} are fewer than trainer.max_steps {max_steps}"
        )
    configured: dict[str, Any] = {"optimizer": optimizer}
    if isinstance(schedule, ReduceLROnPlateau):
        if schedule.monitor not in MONITORED:
            raise UsageError(
                f"lr_scheduler.monitor {schedule.monitor} is not measured{listed(MONITORED)}"
            )
    elif schedule:
        # At every training step: the one epoch of a run never ends.
        configured["lr_scheduler"] = {"scheduler": schedule, "interval": "step"}
    model.configure_optimizers = lambda: configured  # type: ignore[method-assign]
    return schedule if isinstance(schedule, ReduceLROnPlateau) else None


def _try_out(optimizer_init: dict[str, Any], schedule_init: dict[str, Any] | None) -> None:
    """Take two steps with a small matrix that nobody needs."""
    matrix = nn.Parameter(torch.zeros(2, 2))
    matrix.grad = torch.zeros(2, 2)
    optimizer = instantiate_class([matrix], optimizer_init)
    schedule = instantiate_class(optimizer, schedule_init) if schedule_init else None
    for _ in range(2):
        optimizer.step(lambda: torch.zeros(()))
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(torch.zeros(()))
        elif schedule:
            schedule.step()
