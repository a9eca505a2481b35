"""Numbers of the right type that are still wrong, and which nobody would notice later."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from command_line.errors import UsageError
from command_line.settings import flatten, typed

# Of the Trainer's settings: the least that means something. Lightning takes less for "never", or
# divides by it. -1 steps or epochs are without end.
LEAST = {
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "fast_dev_run": 0,
    "limit_predict_batches": 1,
    "limit_test_batches": 1,
    "limit_train_batches": 1,
    "limit_val_batches": 0,
    "log_every_n_steps": 0,
    "max_epochs": 1,
    "max_steps": 1,
    "min_epochs": 0,
    "min_steps": 0,
    "num_nodes": 1,
    "num_sanity_val_steps": -1,
    "val_check_interval": 1,
}
# The most of other settings: more than any machine has, or than anybody waits for.
MOST = {
    "model.num_layers": 10_000,
    "data.num_workers": 1_024,
    "trainer.num_nodes": 65_536,
    "samples.length": 1_000_000,
}
MOST_DEVICES = 1_024
# What the counters of torch hold; seeds have ranges of their own.
LARGEST = 2**63 - 1
ENDLESS = ("max_epochs", "max_steps")
COUNTS = ("limit_train_batches", "limit_val_batches", "limit_test_batches", "val_check_interval")


def check_numbers(config: Mapping[str, Any]) -> None:
    """Make sure that the numbers of a parsed config mean something.

    Args:
        config: with nested groups.

    Raises:
        UsageError: one of them does not.
    """
    for key, value in flatten(config).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{typed(key)} must be a finite number, got {value}")
        most = MOST.get(typed(key), LARGEST)
        is_seed = key.endswith("seed") or key == "seed_everything"
        if isinstance(value, int) and value > most and not is_seed:
            raise UsageError(f"{typed(key)} must be at most {most}, got {value}")
    if isinstance(config["seed_everything"], bool):
        seed = str(config["seed_everything"]).lower()
        raise UsageError(f"seed_everything must be a whole number, got {seed}")
    _check_trainer(config["trainer"])


def _check_trainer(trainer: Mapping[str, Any]) -> None:
    devices = str(trainer["devices"])
    # Lightning makes a list of as many.
    if devices.isdecimal() and (len(devices) > 9 or int(devices) > MOST_DEVICES):
        raise UsageError(f"trainer.devices must be at most {MOST_DEVICES}, got {devices}")
    for key in COUNTS:
        if isinstance(trainer[key], float):
            raise UsageError(
                f"trainer.{key} must be a whole number of batches, got {trainer[key]}: "
                f"there is no fraction of data that never end"
            )
    for key, least in LEAST.items():
        value = trainer[key]
        if isinstance(value, int) and value < least and not (key in ENDLESS and value == -1):
            raise UsageError(f"trainer.{key} must be at least {least}, got {value}")
    if (trainer["max_epochs"] or -1) > 0 and trainer["limit_train_batches"] is None:
        raise UsageError(
            "trainer.max_epochs ends no run, since training data never end: set trainer.max_steps"
        )
    clip = trainer["gradient_clip_val"]
    if clip is not None and clip <= 0:
        raise UsageError(
            f"trainer.gradient_clip_val must be above 0, got {clip}; null does not clip"
        )
    if 0 < trainer["max_steps"] < (trainer["min_steps"] or 0):
        raise UsageError(
            f"trainer.min_steps {trainer['min_steps']} is more than trainer.max_steps "
            f"{trainer['max_steps']}"
        )
    limit, accumulate = trainer["limit_train_batches"], trainer["accumulate_grad_batches"]
    if limit is not None and limit % accumulate:
        raise UsageError(
            f"trainer.limit_train_batches {limit} must be a multiple of "
            f"trainer.accumulate_grad_batches {accumulate}, or a step would be cut short"
        )
    if trainer["overfit_batches"]:
        raise UsageError("trainer.overfit_batches does not work on data that never end")
    if not (trainer["logger"] is None or isinstance(trainer["logger"], bool)):
        raise UsageError("trainer.logger must be true or false: TensorBoard is what there is")
