"""What the program says to a person around a run."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningDataModule, LightningModule, Trainer

from command_line.advice import going_on, next_steps
from command_line.run_folder import RunFolder
from command_line.settings import flatten
from command_line.unwritable import THEN, told


def greeting(
    model: LightningModule, data: LightningDataModule, trainer: Trainer, folder: Path
) -> str:
    """One line before the first step: what is trained, on what, and where."""
    parameters = sum(p.numel() for p in model.parameters())
    device = trainer.strategy.root_device.type
    stages = getattr(data, "stages", None)
    at_first = f", {stages.curriculum.start} at first" if stages else ""
    devices = f"{trainer.world_size} x {device}" if trainer.world_size > 1 else device
    return (
        f"{type(model).__name__}, {parameters:,} parameters, on {data}{at_first}; "
        f"seed {os.environ.get('PL_GLOBAL_SEED')}, {devices}, {folder}"
    )


def wrapped(text: str) -> str:
    """A line broken between words where a terminal is too narrow for it; else as it is."""
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return textwrap.fill(
        text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def closing(result: dict[str, Any], folder: Path, settings: Mapping[str, Any] | None = None) -> str:
    """What came out of a run, where it is, and what to do next.

    Args:
        result: as in result.json.
        folder: of the run.
        settings: of the run, with nested groups; None where they are unknown.
    """
    step, steps = result["steps_to_converge"], result["steps"]
    if step:
        lines = [f"Converged at step {step}."]
    elif result.get("stopped_early"):
        lines = [f"Stopped at step {steps}{_stage(result)}: {result['stopped_early']}."]
    elif result["threshold"] is None:
        lines = [f"Trained for {steps} steps{_stage(result)}."]
    else:
        lines = [f"Not converged by step {steps}{_stage(result)}."]
    best, validation = result["best_accuracy"], dict(result["best_validation"])
    if best is not None and result["threshold"] is not None:
        window = result["window"]
        lines.append(
            f"  best accuracy  {best:.4g}, mean of {window} steps up to step "
            f"{result['step_of_best']}"
        )
    if validation:
        at = validation.pop("step")
        test = {
            name.removeprefix("test_"): validation.pop(name)
            for name in [*validation]
            if name.startswith("test_")
        }
        lines.append(f"  validation     {_numbers(validation)} at step {at}, the best")
        if test:
            lines.append(f"  test           {_numbers(test)} at that step")
    elif any(value is None for value in result.get("validation", {}).values()):
        lines.append("  validation     not finite: the network has diverged")
    if gradients := _gradients(result):
        lines.append(f"  gradients      {gradients}")
    speed = result["steps_per_second"]
    lines.append(f"  took           {result['seconds']:.1f} s of training, {speed} steps/s")
    lines.append(f"  run            {folder}")
    lines += map(str, next_steps(result, folder, flatten(settings or {})))
    return "\n".join(lines)


def _stage(result: dict[str, Any]) -> str:
    """How far a curriculum has come."""
    if not result.get("stages"):
        return ""
    return f", at {result['stages'][-1]['length']} of {result['length']} digits"


def _gradients(result: dict[str, Any]) -> str:
    """Of how many the norm overflowed, and how many were not finite; empty if there were none."""
    # Results of older runs have no counts.
    counts = result.get("gradients", {})
    clipped = " and clipped" if result["hparams"].get("gradient_clip_val") else ""
    told = {"overflowed": f"overflowed{clipped}", "skipped": "not finite and skipped"}
    return ", ".join(f"{counts[name]} {text}" for name, text in told.items() if counts.get(name))


def evaluation(
    metrics: dict[str, float],
    model: LightningModule,
    data: LightningDataModule,
    checkpoint: Path | None,
    step: int,
) -> str:
    """The numbers of `validate` or `test` in a line."""
    numbers = _numbers(model.in_all_units({name: float(metrics[name]) for name in metrics}))
    return f"{numbers}: {type(model).__name__} of step {step} on {data}, from {checkpoint}"


def interrupted(step: int, folder: Path) -> str:
    return f"Interrupted at step {step}; nothing is lost. Go on with:\n  {going_on(folder)}"


def unwritable(error: OSError, folder: RunFolder) -> str:
    """Why a run has ended that could not be kept any more, and how to go on with it."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return (
            f"{folder.path} has been removed or moved, or a part of it, while the run was "
            f"training: go on from where it is now, or give the same command again to begin anew"
        )
    then = "give the same command again"
    if folder.checkpoint("last").is_file():
        then = f"go on from its last checkpoint with: {going_on(folder.path)}"
    return f"{told(error, folder.path)}{THEN}{then}"


def _numbers(metrics: Mapping[str, float | None]) -> str:
    """Of a result, where what is not finite is null, or of a measurement."""
    return ", ".join(
        f"{name} not finite" if value is None else f"{name} {value:.4g}"
        for name, value in sorted(metrics.items())
    )
