"""What a finished run leaves behind: result.json, the HParams tab and a figure of its accuracy."""

from __future__ import annotations

import json
import math
import platform
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.checkpoints import Checkpoints
from callbacks.convergence import Convergence
from callbacks.curves import Curves
from callbacks.patience import Patience
from figures.curves import draw_accuracy
from figures.stages import draw_stages
from storage.files import written_whole
from storage.result import read_result


class Report(Callback):
    """Write the result of a run when its training has ended, whole or not at all.

    Args:
        file: where the result goes.
        hparams: settings for the HParams tab, and for the result.
        convergence: knows the best accuracy and the step where the run converged.
        patience: knows whether the run stopped because it no longer became better.
        curves: knows the accuracy at each logged step, and the seconds of training.
        checkpoints: knows the best validation.
    """

    def __init__(
        self,
        file: Path,
        hparams: dict[str, Any],
        convergence: Convergence,
        patience: Patience,
        curves: Curves,
        checkpoints: Checkpoints,
    ) -> None:
        self.file, self.hparams = file, hparams
        self.convergence, self.patience = convergence, patience
        self.curves, self.checkpoints = curves, checkpoints
        self._first_step: int | None = None
        self._has_old_result = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._first_step = trainer.global_step
        self._has_old_result = trainer.is_global_zero and self.file.is_file()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if self._has_old_result:
            # It is that of fewer steps, and the run may end before it has a new one.
            self.file.unlink()
            self._has_old_result = False

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        # A run resumed at its very end trains no more, and has nothing new to tell.
        if self._first_step in (None, trainer.global_step) and read_result(self.file):
            return
        result = self.result(trainer, pl_module)
        if trainer.logger:
            self._log(trainer, result)
        with written_whole(self.file) as file:
            json.dump(result, file, indent=2, allow_nan=False)
            file.write("\n")

    def result(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """The run in numbers; `best_accuracy` is that of the moving average over steps."""
        seconds = self.curves.stopwatch.seconds
        return {
            "model": type(pl_module).__name__,
            "length": getattr(trainer.datamodule, "length", None),
            "seed": self.hparams.get("seed"),
            "parameters": sum(p.numel() for p in pl_module.parameters()),
            "window": self.convergence.window,
            "threshold": self.convergence.threshold,
            "best_accuracy": self.convergence.best_accuracy,
            "step_of_best": self.convergence.best_step,
            "steps_to_converge": self.convergence.converged_at,
            "stopped_early": self.patience.reason,
            "validation": _without_stage(self.curves.validation),
            "best_validation": _without_stage(self.checkpoints.best_validation),
            "stages": _stages(trainer),
            "gradients": pl_module.clipping.state_dict(),
            "steps": trainer.global_step,
            "seconds": round(seconds, 3),
            "steps_per_second": round(trainer.global_step / seconds, 2) if seconds else None,
            "devices": trainer.world_size,
            "hparams": self.hparams,
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "pytorch_lightning": pytorch_lightning.__version__,
            },
        }

    def _log(self, trainer: Trainer, result: dict[str, Any]) -> None:
        metrics = {
            "result/steps": result["steps"],
            "result/best_accuracy": result["best_accuracy"],
            "result/best_validation_loss": result["best_validation"].get("loss"),
            "result/test_accuracy": result["best_validation"].get("test_accuracy"),
            "result/steps_to_converge": result["steps_to_converge"],
        }
        known = {name: value for name, value in metrics.items() if value is not None}
        trainer.logger.log_hyperparams(self.hparams, known, step=trainer.global_step)
        figure = draw_accuracy(
            self._accuracies(),
            title=f"{result['model']}: accuracy",
            chance=1 / trainer.datamodule.num_classes,
        )
        trainer.logger.experiment.add_figure("accuracy", figure, trainer.global_step)
        if stages := getattr(trainer.datamodule, "stages", None):
            figure = draw_stages(stages.entered, trainer.global_step, stages.length)
            trainer.logger.experiment.add_figure("curriculum", figure, trainer.global_step)

    def _accuracies(self) -> dict[str, tuple[list[float], list[float]]]:
        """Of each curve, by name, the steps and the accuracy."""
        trained, validated = self.curves.history, self.curves.validations
        curves = {
            "training": (trained["step"], trained["accuracy"]),
            "moving average": (trained["step"], trained["moving average"]),
        }
        for name, values in validated.items():
            kind, _, stage = name.partition("/")
            if kind == "accuracy":
                curves[stage] = (validated["step"], values)
        return curves


def _stages(trainer: Trainer) -> list[dict[str, int]] | None:
    """Of a curriculum, the length of each stage and its first step, from 1."""
    stages = getattr(trainer.datamodule, "stages", None)
    if stages is None:
        return None
    done = trainer.global_step
    return [
        {"step": first + 1, "length": length} for first, length in stages.entered if first < done
    ]


def _without_stage(metrics: dict[str, float]) -> dict[str, float]:
    """By short names: loss/validation as loss, loss/test as test_loss.

    JSON has no word for what is not finite.
    """
    return {
        _short(name): value if math.isfinite(value) else None for name, value in metrics.items()
    }


def _short(name: str) -> str:
    name, _, stage = name.partition("/")
    return name if stage in ("", "validation") else f"{stage}_{name}"
