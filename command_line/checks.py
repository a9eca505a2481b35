"""What the parser lets through although nothing could be made of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningDataModule, LightningModule

from command_line.bounds import check_numbers
from command_line.checkpoint_file import read_checkpoint
from command_line.errors import UsageError
from command_line.messages import Choices, listed
from command_line.names import check_folder_name, check_shown
from command_line.parser import allows_null, arguments_of, import_class
from command_line.run_folder import RunFolder
from command_line.settings import class_of, defining, describe, differences, flatten
from command_line.trainer_values import check_texts
from datamodules import CountedData
from generation import Writer
from lightning_modules import Predictor

GROUPS = ("trainer", "convergence", "early_stopping", "checkpoints", "samples", "watch", "run")
# Of a model, what the data say; data that do not have it leave the model's own.
FROM_DATA = ("num_classes", "num_features")


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
    for key, base in (("optimizer", "Optimizer"), ("lr_scheduler", "LRScheduler")):
        if config[key] and class_of(config[key]) == base:
            raise UsageError(f"{key} {base} is only a base of others")
    if config["lr_scheduler"] and not config["optimizer"]:
        raise UsageError("lr_scheduler needs an optimizer: add --optimizer NAME")
    for key in ("name", "experiment"):
        if (part := config["run"][key]) is not None:
            check_folder_name(f"run.{key}", part)
    check_shown("run.root", config["run"]["root"])
    _check_values(config)
    check_numbers(config)
    check_texts(config["trainer"])


def _check_values(config: Mapping[str, Any]) -> None:
    for key in ("model", "data"):
        chosen = import_class(config[key]["class_path"])
        for name, value in flatten(config[key].get("init_args") or {}).items():
            if value is None and not allows_null(chosen, name):
                raise UsageError(f"{key}.{name} must have a value, got null")


def check_advance(folder: RunFolder, max_steps: int) -> None:
    """A run that goes on from an earlier checkpoint comes at least as far as it had come.

    Or else it would lose what it has: its curves are forgotten from that checkpoint on.

    Raises:
        UsageError: it is to stop earlier.
    """
    last, done = folder.checkpoint("last"), 0
    if last.is_file():
        # A broken one tells nothing, and is no reason not to go on from an earlier one.
        with suppress(UsageError):
            done = read_checkpoint(last)["global_step"]
    if 0 <= max_steps < done:
        raise UsageError(
            f"{folder.path} has come to step {done} already: trainer.max_steps must be at least "
            f"that, got {max_steps}; or name another run with --run.name NAME"
        )


def check_resumable(
    file: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any], *, trains: bool
) -> None:
    """A run that goes on is the run that it was; to be measured, its model must be the same.

    So must what its data keep to measure.

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
        data = import_class(ours["data"]["class_path"])
        kept = {f"data.init_args.{name}" for name in data.kept_to_measure}
        changed = {
            key: pair for key, pair in changed.items() if key.startswith("model.") or key in kept
        }
    if changed:
        may = "what does not change the training, such as trainer.max_steps," if trains else "data"
        may = "what changes neither model nor split" if not trains and kept else may
        raise UsageError(
            f"{file} is of another run: {describe(changed, 'there', 'in this command')}; only "
            f"{may} may differ"
        )


def check_joined(model: Predictor, data: CountedData, model_settings: Mapping[str, Any]) -> None:
    """A model must be able to read what the data give, and to tell apart what they have.

    Args:
        model_settings: as parsed, to see whether somebody has set what comes from the data.

    Raises:
        UsageError: they do not fit together.
    """
    if model.reads != data.gives:
        raise UsageError(
            f"{type(model).__name__} reads {model.reads}, but {type(data).__name__} gives "
            f"{data.gives}: "
            f"choose a config in which they fit, such as --config configs/palindromes.yaml, "
            f"configs/characters.yaml or configs/graphs.yaml"
        )
    if getattr(data, "reading", None) == "contiguous" and not model.carries_on:
        raise UsageError(
            f"model.cell {model.hparams.cell} does not go with data.reading contiguous: nothing "
            f"bounds its state, which overflows if it is carried through a whole text; read random"
        )
    for name in FROM_DATA:
        if not hasattr(data, name):
            continue
        theirs = getattr(data, name)
        if model_settings.get(name, theirs) not in (theirs, arguments_of(type(model))[name]):
            raise UsageError(f"model.{name} comes from the data, which has {theirs}")


def check_prompt(prompt: str, model: LightningModule, data: LightningDataModule) -> None:
    """Samples can only go on from characters that the text has.

    Raises:
        UsageError: the prompt has others.
    """
    try:
        Writer(model.network, data.vocabulary).encode(prompt)
    except ValueError as error:
        raise UsageError(f"samples.prompt: {error}") from None


def check_text(file: Path | None, checkpoint: Mapping[str, Any], data: LightningDataModule) -> None:
    """A model of characters goes on with the text that it began with.

    Raises:
        UsageError: it is another one.
    """
    theirs = checkpoint.get(type(data).__qualname__, {}).get("text_hash")
    if theirs is not None and theirs != data.text_hash:
        raise UsageError(
            f"data.corpus {data.corpus} is another text than the checkpoint {file} was trained "
            f"on: SHA-256 {data.text_hash[:12]}... instead of {theirs[:12]}..."
        )


def check_vocabulary(
    file: Path | None, checkpoint: Mapping[str, Any], data: LightningDataModule
) -> None:
    """A model of characters can only be measured on a text of the same characters.

    Raises:
        UsageError: the text has others.
    """
    theirs = checkpoint.get(type(data).__qualname__, {}).get("vocabulary")
    if theirs is not None and theirs != data.vocabulary:
        ours = set(data.vocabulary) - set(theirs)
        examples = " ".join(map(repr, sorted(ours)[:5]))
        more = f": it has {examples}, which the model has never seen" if ours else ""
        raise UsageError(
            f"data.corpus {data.corpus} has another vocabulary than the text that {file} was "
            f"trained on{more}"
        )
