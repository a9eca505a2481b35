"""The Trainer's settings: what every run needs, and what is said of those that do not work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callbacks import AtomicCheckpointIO, RunLogger, Unprofiled
from command_line.errors import UsageError
from command_line.messages import in_plain_words
from command_line.trainer_values import is_cpu

# What every run needs, so that no config has to say it: one endless epoch of training steps,
# validated by their number, and none of what this project's own callbacks do instead.
TRAINER_DEFAULTS: dict[str, Any] = {
    "max_epochs": -1,
    "min_epochs": 0,
    "check_val_every_n_epoch": None,
    "num_sanity_val_steps": 0,
    "use_distributed_sampler": False,
    "enable_checkpointing": False,
    "enable_model_summary": False,
    "enable_autolog_hparams": False,
}

HALF = (16, "16", "16-mixed")


def to_train(config: Mapping[str, Any], folder: Path, resumed_step: int | None) -> dict[str, Any]:
    """The settings of a Trainer that trains.

    Args:
        config: the Trainer's settings as parsed.
        folder: of the run.
        resumed_step: where a resumed run goes on.

    Raises:
        UsageError: another precision than the one asked for would be taken.
    """
    if resumed_step is None and is_cpu(config["accelerator"]) and config["precision"] in HALF:
        raise UsageError("trainer.precision 16-mixed needs a GPU; a CPU takes bf16-mixed")
    plugins = config["plugins"] or []
    changed: dict[str, Any] = {
        "profiler": config["profiler"] or Unprofiled(),
        "plugins": [*(plugins if isinstance(plugins, list) else [plugins]), AtomicCheckpointIO()],
        # A callback of the run minds it.
        "max_time": None,
    }
    steps = config["val_check_interval"]
    if isinstance(steps, int):
        # Training steps, where Lightning counts batches; a time stays what it is.
        changed["val_check_interval"] = steps * config["accumulate_grad_batches"]
    if config["logger"] is not False:
        changed["logger"] = RunLogger(folder, resumed_step)
    return {**config, **changed}


def to_measure(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a Trainer that measures a network, which may have been trained elsewhere."""
    changed: dict[str, Any] = {"logger": False, "enable_progress_bar": False}
    if is_cpu(config["accelerator"]) and config["precision"] in HALF:
        # What Lightning takes as well, and warns of.
        changed["precision"] = "bf16-mixed"
    return {**config, **changed}


def explained(error: Exception, config: Mapping[str, Any]) -> str:
    """What a Trainer that cannot be made has to say, behind the flags that it is about."""
    reason = in_plain_words(str(error))
    if not re.search("backend|accelerator|device|module", reason, re.IGNORECASE):
        return f"trainer: {reason}"
    keys = ("accelerator", "devices", "strategy")
    flags = " ".join(f"--trainer.{key} {config[key]}" for key in keys)
    return f"{flags}: {reason} (auto takes what there is, cpu is everywhere)"
