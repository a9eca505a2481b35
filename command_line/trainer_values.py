"""Settings of the Trainer that are texts: checked before it, whose messages are for programmers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import torch
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.strategies import StrategyRegistry

from command_line.errors import UsageError, did_you_mean

ONE_OF = {
    "gradient_clip_algorithm": ("norm", "value"),
    "profiler": ("simple", "advanced", "pytorch", "xla"),
}
DURATION = re.compile(r"\d+(:\d\d){3}")


def check_texts(trainer: Mapping[str, Any]) -> None:
    """Make sure that texts among the settings of a Trainer mean something to it.

    Raises:
        UsageError: one of them does not.
    """
    for name, known in ONE_OF.items():
        if isinstance(trainer[name], str) and trainer[name] not in known:
            raise _wrong(name, f"one of {', '.join(known)}, or null", trainer[name])
    for name, other in (("max_time", ""), ("val_check_interval", "a number of steps, or ")):
        given = trainer[name]
        if given is not None and not isinstance(given, int) and not (_seconds(given) or 0) > 0:
            raise _wrong(name, f"{other}a time above 0 as DD:HH:MM:SS, such as 00:01:30:00", given)
    accelerators = {"auto", "gpu", *AcceleratorRegistry.available_accelerators()}
    accelerator, strategy = trainer["accelerator"], trainer["strategy"]
    if isinstance(accelerator, str) and accelerator.lower() not in accelerators:
        raise _wrong("accelerator", f"one of {', '.join(sorted(accelerators))}", accelerator)
    strategies = {"auto", *StrategyRegistry.available_strategies()}
    if isinstance(strategy, str) and strategy.lower() not in strategies:
        hint = did_you_mean(strategy, strategies)
        raise UsageError(f"unknown trainer.strategy {strategy}{hint or '; such as auto or ddp'}")
    if isinstance(strategy, str) and "spawn" in strategy.lower():
        fork = strategy.lower().replace("spawn", "fork")
        raise UsageError(f"trainer.strategy {strategy} cannot start processes here: take {fork}")
    _check_devices(trainer["devices"], on_cpu=is_cpu(accelerator))


def is_cpu(accelerator: Any) -> bool:
    """Whether a setting of the Trainer's comes to a CPU here."""
    return accelerator == "cpu" or (accelerator == "auto" and not torch.accelerator.is_available())


def _check_devices(devices: Any, on_cpu: bool) -> None:
    text = str(devices).strip()
    if text == "auto" or re.fullmatch(r"0*[1-9]\d*", text):
        return
    if on_cpu:
        raise _wrong("devices", "a number of processes above 0, or auto", devices)
    if not re.fullmatch(r"-1|\[?\d+(\s*,\s*\d+)*,?\]?", text):
        raise _wrong("devices", "a whole number above 0, a list such as [0, 2], or auto", devices)


def _seconds(given: Any) -> float | None:
    """The seconds of a time as Lightning takes it, DD:HH:MM:SS or {hours: 1}; None of no time."""
    if isinstance(given, str) and DURATION.fullmatch(given.strip()):
        days, hours, minutes, seconds = map(int, given.split(":"))
        given = {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
    if isinstance(given, Mapping):
        with suppress(TypeError, OverflowError):
            given = timedelta(**given)
    return given.total_seconds() if isinstance(given, timedelta) else None


def _wrong(name: str, right: str, given: Any) -> UsageError:
    return UsageError(f"trainer.{name} must be {right}, got {given}")
