"""What happens around the training of a run, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytorch_lightning import Callback, LightningDataModule, LightningModule
from pytorch_lightning.cli import ReduceLROnPlateau

from callbacks import (
    Checkpoints,
    CurriculumStages,
    Curves,
    Ending,
    HowFarNoted,
    Interruption,
    NodePictures,
    Plateau,
    RandomState,
    Report,
    Samples,
    StepProgress,
    TimeLimit,
    watch,
)
from callbacks.ending import Part
from command_line.checks import check_prompt
from command_line.naming import hparams_of
from command_line.run_folder import RunFolder
from command_line.settings import defining
from lightning_modules import CharGenerator, NodeClassifier

# What Lightning asks the model and every callback for, at every step.
HOOKS_OF_A_STEP = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)


def callbacks_of_run(
    config: Mapping[str, Any],
    settings: dict[str, Any],
    folder: RunFolder,
    model: LightningModule,
    data: LightningDataModule,
    plateau: ReduceLROnPlateau | None,
) -> list[Callback]:
    """Everything that stops, watches and keeps a run.

    Args:
        config: with `convergence` and `early_stopping` as the callbacks themselves, and the
            settings of the others.
        settings: all of the run, plain types only.
        folder: of the run.
        model, data: that are trained, and trained on.
        plateau: the schedule that waits for one, if any.

    Raises:
        UsageError: samples are to go on from what the text lacks.
        ValueError: a setting is out of its range.
    """
    trainer, convergence, patience = (
        config[key] for key in ("trainer", "convergence", "early_stopping")
    )
    interruption, curves = Interruption(), Curves(convergence)
    callbacks: list[Callback] = []
    left_behind: list[Part] = []
    if trainer["max_time"]:
        # Before the others, which have something to do in the last step.
        callbacks.append(TimeLimit(trainer["max_time"]))
    if isinstance(model, NodeClassifier) and not trainer["fast_dev_run"]:
        # Before the curves, whose stopwatch is not to run while the first picture is drawn.
        pictures = NodePictures()
        callbacks.append(pictures)
        left_behind.append(pictures)
    # Patience before the curves, which write the last step.
    callbacks += [RandomState(), interruption, convergence, patience, curves]
    if data.stages:
        callbacks.append(CurriculumStages(convergence))
    if plateau:
        callbacks.append(Plateau(plateau))
    if trainer["enable_progress_bar"] is not False:
        callbacks.append(StepProgress(convergence))
    hide_idle_hooks(LightningModule, [model])
    if trainer["fast_dev_run"]:
        hide_idle_hooks(Callback, callbacks)
        return callbacks
    callbacks.append(HowFarNoted(folder.how_far_file, convergence))
    if isinstance(model, CharGenerator):
        samples = Samples(folder.samples_file, **config["samples"])
        check_prompt(samples.prompt, model, data)
        callbacks.append(samples)
        left_behind.append(samples)
    instruments = watch(folder.instruments, model, **config["watch"])
    left_behind += instruments
    checkpoints = Checkpoints(folder.checkpoints, interruption, settings, **config["checkpoints"])
    hparams = hparams_of(defining(settings))
    left_behind.append(
        Report(
            folder.result_file,
            # A run that has been moved is in the folder of no experiment.
            folder.experiment if folder.path.parent.name == type(model).__name__ else None,
            hparams,
            convergence,
            patience,
            curves,
            checkpoints,
        )
    )
    # Before the instruments, which measure in the first step.
    callbacks += [Ending(left_behind), *instruments]
    # Last, so that a checkpoint holds what the others made of its step.
    callbacks.append(checkpoints)
    hide_idle_hooks(Callback, callbacks)
    return callbacks


def hide_idle_hooks(kind: type, things: Iterable[Any]) -> None:
    """Hide the hooks of a step that a model or a callback does nothing in.

    Lightning calls whatever can be called, and spends more than a tenth of a millisecond a step on
    the fifty hooks that are merely inherited.

    Args:
        kind: Callback or LightningModule, whose own hooks do nothing.
        things: of that kind.
    """
    for thing in things:
        for hook in HOOKS_OF_A_STEP:
            if getattr(type(thing), hook) is getattr(kind, hook):
                setattr(thing, hook, None)
