"""What the program says to a person around a run."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningDataModule, LightningModule, Trainer

COMPARED = ("RNN", "LSTM", "RRN", "GRU")


def greeting(
    model: LightningModule, data: LightningDataModule, trainer: Trainer, folder: Path
) -> str:
    """One line before the first step: what is trained, on what, and where."""
    parameters = sum(p.numel() for p in model.parameters())
    device = trainer.strategy.root_device.type
    devices = f"{trainer.world_size} x {device}" if trainer.world_size > 1 else device
    return (
        f"{type(model).__name__}, {parameters:,} parameters, on {data}; "
        f"seed {os.environ.get('PL_GLOBAL_SEED')}, {devices}, {folder}"
    )


def closing(result: dict[str, Any], folder: Path) -> str:
    """What came out of a run, where it is, and what to do next."""
    step = result["steps_to_converge"]
    outcome = f"Converged at step {step}." if step else f"Not converged by step {result['steps']}."
    best = result["best_accuracy"]
    lines = [outcome]
    if best is not None:
        window = result["window"]
        lines.append(
            f"  best accuracy  {best:.4g}, mean of {window} steps up to step "
            f"{result['step_of_best']}; validation {_number(result['validation_accuracy'])}"
        )
    speed = result["steps_per_second"]
    lines.append(f"  took           {result['seconds']:.1f} s of training, {speed} steps/s")
    others = [name for name in COMPARED if name != result["model"]]
    run = shlex.quote(str(folder))
    # Another run than the first one of all is compared at its own settings.
    first = folder.parts[-3:] == ("palindromes", result["model"], "default")
    same = "" if first else f"--config {shlex.quote(str(folder / 'config.yaml'))} "
    follow = "--convergence.window 50" if step else f"--trainer.max_steps {2 * result['steps']}"
    lines += [
        f"  run            {folder}",
        f"  look           tensorboard --logdir {shlex.quote(str(folder.parent.parent))}",
        f"  resume         python train.py fit --ckpt_path {run} {follow}",
        f"  compare        python train.py {same}--model {others[0]}   "
        f"(or {', '.join(others[1:])})",
    ]
    return "\n".join(lines)


def evaluation(
    metrics: dict[str, float],
    model: LightningModule,
    data: LightningDataModule,
    checkpoint: Path | None,
    step: int,
) -> str:
    """The numbers of `validate` or `test` in a line."""
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in sorted(metrics.items()))
    return f"{numbers}: {type(model).__name__} of step {step} on {data}, from {checkpoint}"


def interrupted(step: int, folder: Path) -> str:
    return (
        f"Interrupted at step {step}; nothing is lost. Go on with:\n"
        f"  python train.py fit --ckpt_path {shlex.quote(str(folder))}"
    )


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"
