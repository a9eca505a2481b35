"""What a finished run came to: result.json, the HParams tab and a figure of its accuracy."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch
from pytorch_lightning import LightningModule, Trainer

from callbacks.checkpoints import Checkpoints
from callbacks.convergence import Convergence
from callbacks.curves import Curves
from callbacks.hparams_tab import session, write_columns
from callbacks.patience import Patience
from figures.curves import draw_accuracy
from figures.stages import draw_stages
from storage.files import written_whole
from storage.lock import locked
from storage.result import read_result

# What the HParams tab shows beside the settings, in this order.
TAGS = (
    "result/best_accuracy",
    "result/steps_to_converge",
    "result/best_validation_loss",
    "result/test_accuracy",
    "result/steps",
)


class Report:
    """Write the result of a run when its training has ended, whole or not at all.

    Args:
        file: where the result goes.
        experiment: the folder of all runs that are compared, RUN of EXPERIMENT/MODEL/RUN being that
            of this one; None where the run is somewhere else.
        hparams: settings for the HParams tab, and for the result.
        convergence: knows the best accuracy and the step where the run converged.
        patience: knows whether the run stopped because it no longer became better.
        curves: knows the accuracy at each logged step, and the seconds of training.
        checkpoints: knows the best validation.
    """

    def __init__(
        self,
        file: Path,
        experiment: Path | None,
        hparams: dict[str, Any],
        convergence: Convergence,
        patience: Patience,
        curves: Curves,
        checkpoints: Checkpoints,
    ) -> None:
        self.file, self.experiment, self.hparams = file, experiment, hparams
        self.convergence, self.patience = convergence, patience
        self.curves, self.checkpoints = curves, checkpoints

    def begin(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove a result of fewer steps: the run may be cut off before it has a new one."""
        self.file.unlink(missing_ok=True)

    def is_missing(self) -> bool:
        return read_result(self.file) is None

    def finish(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the result, last of all: where it is, the run has ended."""
        result = self.result(trainer, pl_module)
        if trainer.logger:
            self._log(trainer, result)
            trainer.logger.save()
        if not trainer.logger or self.experiment is None:
            self._save(result)
            return
        try:
            # Where runs end at the same time, each knows the results of those before it.
            with locked(self.experiment):
                runs = [*self._others(self.experiment), result]
                measures = [measured(run) for run in runs]
                tags = [tag for tag in TAGS if any(tag in each for each in measures)]
                write_columns(self.experiment, [run["hparams"] for run in runs], tags)
                self._save(result)
        except OSError:
            # The folder may be another person's, and only the result must not be lost.
            self._save(result)

    def _save(self, result: dict[str, Any]) -> None:
        with written_whole(self.file) as file:
            json.dump(result, file, indent=2, allow_nan=False)
            file.write("\n")

    def _others(self, experiment: Path) -> Iterator[dict[str, Any]]:
        """Results of the other runs of the experiment."""
        for file in sorted(experiment.glob(f"*/*/{self.file.name}")):
            if file != self.file and (result := read_result(file)):
                yield result

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
        trainer.logger.log_metrics(measured(result), step=trainer.global_step)
        for summary in session(self.hparams):
            trainer.logger.experiment.file_writer.add_summary(summary)
        figure = draw_accuracy(
            self._accuracies(),
            title=f"{result['model']}: accuracy",
            chance=1 / trainer.datamodule.num_classes,
        )
        trainer.logger.experiment.add_figure("figures/accuracy", figure, trainer.global_step)
        if stages := getattr(trainer.datamodule, "stages", None):
            figure = draw_stages(stages.entered, trainer.global_step, stages.length)
            trainer.logger.experiment.add_figure("figures/curriculum", figure, trainer.global_step)

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


def measured(result: Mapping[str, Any]) -> dict[str, float]:
    """What of a result the HParams tab shows, by tag; what there is not is left out."""
    validation = result["best_validation"]
    numbers = (
        result["best_accuracy"],
        result["steps_to_converge"],
        validation.get("loss"),
        validation.get("test_accuracy"),
        result["steps"],
    )
    pairs = zip(TAGS, numbers, strict=True)
    return {tag: number for tag, number in pairs if number is not None}


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
