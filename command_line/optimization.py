"""The optimiser and the schedule that the flags name."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning.cli import ReduceLROnPlateau, instantiate_class
from torch import nn

from command_line.errors import UsageError
from command_line.messages import in_plain_words, listed
from lightning_modules import Predictor

# What torch says of settings that do not work, some of it only when it takes a step.
FAULTS = (
    AssertionError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
    ZeroDivisionError,
)
# Schedules that no flags can describe, and why.
UNTYPED = {
    "torch.optim.lr_scheduler.ChainedScheduler": "is made of other schedules",
    "torch.optim.lr_scheduler.SequentialLR": "is made of other schedules",
    "torch.optim.lr_scheduler.ReduceLROnPlateau": (
        "does not say what is measured: choose --lr_scheduler ReduceLROnPlateau, and by "
        "--lr_scheduler.monitor loss/validation"
    ),
}
MONITORED = ("accuracy/validation", "loss/validation")


def configure(
    model: Predictor,
    optimizer_init: dict[str, Any] | None,
    schedule_init: dict[str, Any] | None,
    max_steps: int,
    on_cpu: bool,
) -> ReduceLROnPlateau | None:
    """Give a model its optimiser and schedule, if the flags name any.

    Args:
        model: to be trained.
        optimizer_init, schedule_init: `class_path` and `init_args`, as parsed.
        max_steps: that it is trained for at most; -1 is without end.
        on_cpu: whether it is trained on a CPU.

    Returns:
        The schedule, if it waits for a plateau: it is for the caller to step it.

    Raises:
        UsageError: they cannot be made, or do not work.
    """
    if not optimizer_init:
        return None
    if schedule_init and schedule_init["class_path"] in UNTYPED:
        path = schedule_init["class_path"]
        raise UsageError(f"lr_scheduler {path} {UNTYPED[path]}")
    try:
        _try_out(optimizer_init, schedule_init, on_cpu)
        optimizer = instantiate_class(model.parameter_groups(), optimizer_init)
        schedule = instantiate_class(optimizer, schedule_init) if schedule_init else None
    except FAULTS as error:
        reason = in_plain_words(str(error)) or type(error).__name__
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


def _try_out(
    optimizer_init: dict[str, Any], schedule_init: dict[str, Any] | None, on_cpu: bool
) -> None:
    """Take two steps with a small matrix that nobody needs."""
    # Else on the CPU in any case: processes cannot be forked from one that has used a GPU.
    needs_gpu = optimizer_init["init_args"].get("capturable") and not on_cpu
    device = torch.accelerator.current_accelerator() if needs_gpu else None
    matrix = nn.Parameter(torch.zeros(2, 2, device=device))
    matrix.grad = torch.zeros_like(matrix)
    optimizer = instantiate_class([matrix], optimizer_init)
    schedule = instantiate_class(optimizer, schedule_init) if schedule_init else None
    for _ in range(2):
        optimizer.step(lambda: torch.zeros(()))
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(torch.zeros(()))
        elif schedule:
            schedule.step()
    if schedule:
        # What is kept of it in checkpoints.
        schedule.state_dict()
