"""Settings that would be taken and then do nothing, and what does instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callbacks import Samples
from command_line.errors import UsageError
from command_line.messages import listed
from command_line.optimization import MONITORED
from command_line.parser import arguments_of, import_class
from command_line.settings import class_of, flatten, typed
from lightning_modules import CharGenerator, NodeClassifier

# Settings of the Trainer that it has no use for here, unless they are off.
TRAINER = {
    "default_root_dir": "--run.root says where runs are kept",
    "enable_checkpointing": "--checkpoints.every_n_steps says how often they are written",
    "enable_autolog_hparams": "TensorBoard is always told the settings of a run",
    "model_registry": "--ckpt_path names a checkpoint, or the folder of a run",
    "reload_dataloaders_every_n_epochs": "the data of each step are drawn when it is taken",
    "use_distributed_sampler": "devices share the data anyway, see --data.batch_size",
    "barebones": "it would keep nothing of a run; --trainer.logger false logs less of it",
}
# Those that count epochs, which only --trainer.limit_train_batches ends.
IN_EPOCHS = {
    "check_val_every_n_epoch": "--trainer.val_check_interval counts steps",
    "min_epochs": "--trainer.min_steps counts steps",
}
EVERY_EPOCH = "it acts at the ends of epochs, and training data never end"
A_BASE = "it is only a base of others"
THE_BAR = "the program has its own, see --trainer.enable_progress_bar"
# Lightning's callbacks that do nothing here, or what another flag does.
CALLBACKS = {
    "BackboneFinetuning": EVERY_EPOCH,
    "BaseFinetuning": EVERY_EPOCH,
    "BasePredictionWriter": A_BASE,
    "BatchSizeFinder": "set --data.batch_size",
    "Callback": A_BASE,
    "Checkpoint": "set --checkpoints.every_n_steps",
    "GradientAccumulationScheduler": "set --trainer.accumulate_grad_batches",
    "LearningRateFinder": "set --optimizer.lr",
    "ModelCheckpoint": "set --checkpoints.every_n_steps",
    "ModelPruning": EVERY_EPOCH,
    "OnExceptionCheckpoint": "set --checkpoints.every_n_steps",
    "ProgressBar": THE_BAR,
    "RichProgressBar": THE_BAR,
    "StochasticWeightAveraging": f"{EVERY_EPOCH}; EMAWeightAveraging counts steps",
    "TQDMProgressBar": THE_BAR,
    "Timer": "set --trainer.max_time",
}
LOGGING = ("DeviceStatsMonitor", "LearningRateMonitor", "ThroughputMonitor")
# This project's: groups of flags make them.
OURS = {
    "Checkpoints": "--checkpoints.every_n_steps",
    "Convergence": "--convergence.threshold",
    "Patience": "--early_stopping.patience",
    "Samples": "--samples.length",
    "TimeLimit": "--trainer.max_time",
}

SAMPLES = arguments_of(Samples)


def check_used(
    config: Mapping[str, Any], flags: Sequence[str], earlier: Mapping[str, Any] | None
) -> None:
    """Make sure that a training has a use for all settings that were changed for it.

    Args:
        config: as parsed, with nested groups.
        flags: as typed.
        earlier: settings of the run that goes on, which may have been ignored all the time.

    Raises:
        UsageError: it has no use for one.
    """
    before, now = (
        {typed(key): _plain(value) for key, value in flatten(settings or {}).items()}
        for settings in (earlier, config)
    )
    for key, reason in _unused(config, flags):
        name, _, _ = key.partition(" ")
        if name not in before or before[name] != now[name]:
            raise UsageError(f"{key} is of no use here: {reason}")


def _plain(value: Any) -> Any:
    """A setting by its value; of objects to be made, the classes."""
    several = _several(value)
    if several and all(hasattr(each, "keys") and "class_path" in each for each in several):
        return [class_of(each) for each in several]
    return value


def _unused(config: Mapping[str, Any], flags: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Settings that do nothing, and why."""
    trainer, model = config["trainer"], config["model"]
    # A comparison may vary one of two settings, and have the other in all of its runs: what is
    # named is not taken for the reason that something else does nothing.
    named = {typed(flag.partition("=")[0].lstrip("-")) for flag in flags}
    for name, reason in TRAINER.items():
        # Who switches it off is not obeyed either.
        if trainer[name] or (f"trainer.{name}" in named and name == "enable_checkpointing"):
            yield f"trainer.{name}", reason
    for name, reason in IN_EPOCHS.items():
        if trainer[name] and trainer["limit_train_batches"] is None:
            yield f"trainer.{name}", f"training data never end; {reason}"
    clips = trainer["gradient_clip_val"] is not None or "trainer.gradient_clip_val" in named
    if trainer["gradient_clip_algorithm"] and not clips:
        yield "trainer.gradient_clip_algorithm", "--trainer.gradient_clip_val says at what to clip"
    if trainer["strategy"] == "single_device" and str(trainer["devices"]) not in ("1", "auto"):
        yield "trainer.devices", "--trainer.strategy single_device takes one"
    model_class = import_class(model["class_path"])
    yield from _callbacks(trainer["callbacks"], trainer["logger"], _monitored(model_class))
    for each in _several(trainer["plugins"]):
        if hasattr(each, "keys") and class_of(each).endswith("CheckpointIO"):
            yield f"trainer.plugins {class_of(each)}", "the program writes checkpoints itself"
    yield from _optimization(config)
    if not issubclass(model_class, CharGenerator):
        for name, value in config["samples"].items():
            if value != SAMPLES[name]:
                yield f"samples.{name}", f"{class_of(model)} writes no text, CharGenerator does"
    settings = model.get("init_args") or {}
    has_one_layer = settings.get("num_layers") == 1 and "model.num_layers" not in named
    if has_one_layer and settings.get("dropout") and "cell" in settings:
        yield "model.dropout", "it is between two layers, and model.num_layers is 1"
    never = trainer["limit_val_batches"] == 0 or (
        trainer["val_check_interval"] is None and trainer["limit_train_batches"] is None
    )
    if never and not trainer["fast_dev_run"]:
        reason = (
            "nothing is validated; set --trainer.val_check_interval, and limit_val_batches null"
        )
        if config["early_stopping"]["patience"] is not None:
            yield "early_stopping.patience", reason
        if class_of(config["lr_scheduler"]) == "ReduceLROnPlateau":
            yield "lr_scheduler ReduceLROnPlateau", reason


def _optimization(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    settings = {
        key: (config[key] or {}).get("init_args") or {} for key in ("optimizer", "lr_scheduler")
    }
    if settings["optimizer"].get("differentiable"):
        yield "optimizer.differentiable", "nothing takes gradients through a step"
    if settings["lr_scheduler"].get("last_epoch", -1) != -1:
        yield "lr_scheduler.last_epoch", "--ckpt_path goes on with a run, and with its schedule"


def _monitored(model: type) -> Sequence[str] | None:
    """What the validations of a model measure; None of somebody's own, which may log anything."""
    if model.__module__.partition(".")[0] != "lightning_modules":
        return None
    if not issubclass(model, NodeClassifier):
        return MONITORED
    # A validation measures the test nodes as well.
    return *MONITORED, *(name.replace("validation", "test") for name in MONITORED)


def _callbacks(
    callbacks: Any, logger: Any, monitored: Sequence[str] | None
) -> Iterator[tuple[str, str]]:
    for each in _several(callbacks):
        package, _, name = each["class_path"].rpartition(".")
        is_lightnings = package.partition(".")[0] == "pytorch_lightning"
        if is_lightnings and name in CALLBACKS:
            yield f"trainer.callbacks {name}", CALLBACKS[name]
        if name in LOGGING and logger is False:
            yield f"trainer.callbacks {name}", "it needs a log, --trainer.logger true"
        monitor = (each.get("init_args") or {}).get("monitor")
        if is_lightnings and monitored and monitor is not None and monitor not in monitored:
            yield f"trainer.callbacks {name}", f"{monitor} is not measured{listed(monitored)}"
        if package.partition(".")[0] == "callbacks":
            made = f", see {OURS[name]}" if name in OURS else ""
            yield f"trainer.callbacks {name}", f"the program makes it itself{made}"


def _several(setting: Any) -> list[Any]:
    """A setting that may be one thing, a list of them, or nothing."""
    return setting if isinstance(setting, list) else [setting] * bool(setting)
