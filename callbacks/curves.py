"""The curves of a run, written against the number of optimiser steps done."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.convergence import Convergence
from callbacks.late import mean_over_devices
from callbacks.stopwatch import Stopwatch
from callbacks.validations import is_measurement


class Curves(Callback):
    """Log loss, accuracy, moving average, gradient norm, learning rate and examples a second.

    Under a curriculum, the length too. They are written at step 1, every `log_every_n_steps` of the
    Trainer, at the first step of each stage and at the last step, straight to the logger:
    Lightning's own `self.log` costs about a tenth of a short training step each, on every step.
    Loss and accuracy are means over all devices, gradient norms those before clipping, as the
    model's `clipping` has measured them; what it counts is written once there is something to
    count. Results of a validation are written when it ends.

    Args:
        convergence: averages the accuracy of every step, and knows where it converged.
    """

    def __init__(self, convergence: Convergence) -> None:
        self.convergence = convergence
        self.stopwatch = Stopwatch()
        self.history: dict[str, list[float]] = {"step": [], "accuracy": [], "moving average": []}
        self.validation: dict[str, float] = {}
        self.validations: dict[str, list[float]] = {"step": []}
        self._losses: list[Tensor] = []
        self._learning_rate = 0.0
        self._last_write = (0, 0.0)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._losses = []
        self._last_write = (trainer.global_step, self.stopwatch.seconds)
        self.stopwatch.start()

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        # Before a schedule sets the rate of the next step.
        self._learning_rate = optimizer.param_groups[0]["lr"]

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: dict[str, Tensor],
        batch: Any,
        batch_idx: int,
    ) -> None:
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self._losses = []
        # Of accumulated batches, Lightning hands out each one's part of the mean loss.
        self._losses.append(outputs["loss"])
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        if self._is_due(trainer, trainer.global_step) or trainer.should_stop:
            self._write(trainer, trainer.global_step)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.stopwatch.stop()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not is_measurement(trainer):
            return
        metrics = trainer.callback_metrics
        self.validation = pl_module.in_all_units(
            {name: float(value) for name, value in metrics.items()}
        )
        self.validations["step"].append(trainer.global_step)
        for name, value in self.validation.items():
            self.validations.setdefault(name, []).append(value)
        if trainer.logger:
            trainer.logger.log_metrics(self.validation, step=trainer.global_step)
        # What stops a run by its validation comes before this, and makes its step the last one.
        if self._losses and trainer.should_stop and trainer.global_step > self._last_write[0]:
            self._write(trainer, trainer.global_step)
        self.stopwatch.start()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.stopwatch.stop()

    def state_dict(self) -> dict[str, Any]:
        return {
            "history": _copied(self.history),
            "validations": _copied(self.validations),
            "validation": dict(self.validation),
            "seconds": self.stopwatch.seconds,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = _copied(state_dict["history"])
        self.validations = _copied(state_dict["validations"])
        self.validation = dict(state_dict["validation"])
        self.stopwatch.reset(state_dict["seconds"])

    @staticmethod
    def _is_due(trainer: Trainer, step: int) -> bool:
        every, stages = trainer.log_every_n_steps, getattr(trainer.datamodule, "stages", None)
        is_due = step in (1, trainer.max_steps) or bool(every and step % every == 0)
        return is_due or bool(stages and stages.begins_at(step - 1))

    def _write(self, trainer: Trainer, step: int) -> None:
        loss = mean_over_devices(trainer, torch.stack(self._losses).sum())
        # Of this very step, though what follows from it may be decided later.
        accuracy, average = self.convergence.latest[-1], self.convergence.moving_average
        for name, value in zip(self.history, (step, accuracy, average), strict=True):
            self.history[name].append(value)

        values = {
            "loss/train": float(loss),
            "accuracy/train": accuracy,
            "accuracy/moving_average": average,
            "optimizer/learning_rate": self._learning_rate,
        }
        if stages := getattr(trainer.datamodule, "stages", None):
            values["curriculum/length"] = stages.length_at(step - 1)
        clipping = trainer.lightning_module.clipping
        if clipping.norm is not None:
            values["optimizer/gradient_norm"] = clipping.norm
        for name, count in clipping.state_dict().items():
            if count:
                values[f"optimizer/{name}"] = count
        last_step, last_seconds = self._last_write
        seconds = self.stopwatch.seconds
        if step > last_step and seconds > last_seconds:
            examples = (step - last_step) * trainer.datamodule.batch_size / (seconds - last_seconds)
            for unit, count in trainer.datamodule.units.items():
                values[f"speed/{unit}_per_second"] = count * examples
        self._last_write = (step, seconds)
        if trainer.logger:
            trainer.logger.log_metrics(trainer.lightning_module.in_all_units(values), step=step)


def _copied(columns: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: list(values) for name, values in columns.items()}
