"""The Trainer's settings: what every run needs, and what is said of those that do not work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callbacks import AtomicCheckpointIO, RunLogger, Unprofiled

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


def to_train(config: Mapping[str, Any], folder: Path, resumed_step: int | None) -> dict[str, Any]:
    """The settings of a Trainer that trains.

    Args:
        config: the Trainer's settings as parsed.
        folder: of the run.
        resumed_step: where a resumed run goes on.
    """
    plugins = config["plugins"] or []
    changed: dict[str, Any] = {
        "profiler": config["profiler"] or Unprofiled(),
        "plugins": [*(plugins if isinstance(plugins, list) else [plugins]), AtomicCheckpointIO()],
        # A callback of the run minds it.
        "max_time": None,
    }
    if config["val_check_interval"] is not None:
        # Training steps, where Lightning counts batches.
        steps = config["val_check_interval"]
        changed["val_check_interval"] = steps * config["accumulate_grad_batches"]
    if config["logger"] is not False:
        changed["logger"] = RunLogger(folder, resumed_step)
    return {**config, **changed}


def explained(error: Exception, config: Mapping[str, Any]) -> str:
    """What a Trainer that cannot be made has to say, behind the flags that it is about."""
    if not re.search("backend|accelerator|device|module", str(error), re.IGNORECASE):
        return f"trainer: {error}"
    keys = ("accelerator", "devices", "strategy")
    flags = " ".join(f"--trainer.{key} {config[key]}" for key in keys)
    return f"{flags}: {error} (auto takes what there is, cpu is everywhere)"
