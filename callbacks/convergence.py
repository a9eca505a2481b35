"""Stop when the task is solved: the moving average of the accuracy has reached its threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.late import Late


class Convergence(Callback):
    """Watch the accuracy of every training step, and stop where it has converged.

    Converged: the mean accuracy of the last `window` steps is at least `threshold`
    ("Recurrent Neural Networks and Graph Neural Networks", 2019: 5 steps, 1.0). Every device
    sees the mean over all devices, so that all of them stop at the same step. Under a curriculum,
    only steps of the task itself count.

    On a GPU, the accuracy of a step is taken in some steps later (`callbacks.late`), so that none
    waits for it: what is decided is the same, and the run stops that much later.

    Args:
        window: steps that the moving average covers.
        threshold: accuracy that it must reach, above 0 and at most 1; null only watches.

    Raises:
        ValueError: window or threshold is out of its range.
    """

    def __init__(self, window: int = 5, threshold: float | None = 1.0) -> None:
        if window < 1:
            raise ValueError(f"window must be at least 1, got {window}")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"threshold must be above 0 and at most 1, got {threshold}")
        self.window, self.threshold = window, threshold
        self.recent: list[float] = []
        self.best_accuracy: float | None = None
        self.best_step: int | None = None
        self.converged_at: int | None = None
        # How many of the last steps, in a row and at most `window`, were of the task itself.
        self.counted = 0
        self._turns: list[Tensor] = []
        self._late = Late()

    @property
    def latest(self) -> list[float]:
        """Accuracies of the last steps made, at most `window`, also of those not yet taken in."""
        pending = [_mean(turns) for _, turns in self._late.peek()]
        return [*self.recent, *pending][-self.window :]

    @property
    def moving_average(self) -> float:
        """Mean of the latest accuracies."""
        return _mean(self.latest)

    @property
    def converged(self) -> bool:
        if self.threshold is None:
            return False
        # 9 of 10 right is 0.9 only to the precision of the accuracy, which is float32.
        reached = self._average >= self.threshold - 1e-6
        return reached and self.counted >= self.window

    @property
    def _average(self) -> float:
        """The moving average that is decided by: that of the steps taken in."""
        return _mean(self.recent[-self.window :])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._turns.clear()
        self._late.begin(trainer)
        # A run that was cut off after it had converged is not to train on when it is resumed.
        step = self._late.first_step(trainer.global_step + 1) - 1
        self._stop_if_converged(trainer, step)
        if self.converged and self.converged_at is None:
            self.converged_at = step
        self._take_in(trainer)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: dict[str, Tensor],
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._turns.append(outputs["accuracy"])
        if len(self._turns) < trainer.accumulate_grad_batches:
            return
        self._late.put(trainer, trainer.global_step, self._turns)
        self._turns.clear()
        self._take_in(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # All steps count in the result, which is written after this.
        for step, turns in self._late.rest():
            self._observe(trainer, step, turns)

    def observe(self, accuracy: float, step: int, is_task: bool = True) -> None:
        """Take in the accuracy of `step`, the number of optimiser steps done.

        Args:
            accuracy: mean over all devices.
            step: it is of.
            is_task: whether the step was of the task itself.
        """
        self.recent = [*self.recent, accuracy][-self.window :]
        self.counted = min(self.counted + 1, self.window) if is_task else 0
        if self.counted < self.window:
            return
        if self.best_accuracy is None or self._average > self.best_accuracy:
            self.best_accuracy, self.best_step = self._average, step
        if self.converged and self.converged_at is None:
            self.converged_at = step

    def _take_in(self, trainer: Trainer) -> None:
        for step, turns in self._late.due(trainer.global_step):
            self._observe(trainer, step, turns)
            self._stop_if_converged(trainer, step)

    def _observe(self, trainer: Trainer, step: int, turns: list[float]) -> None:
        stages = getattr(trainer.datamodule, "stages", None)
        self.observe(_mean(turns), step, stages is None or stages.is_task(step - 1))

    def _stop_if_converged(self, trainer: Trainer, step: int) -> None:
        # Lightning would keep a word given before min_steps or min_epochs, and act on it later.
        may_stop = trainer.fit_loop._can_stop_early and step >= (trainer.min_steps or 0)
        if self.converged and may_stop:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {
            "window": self.window,
            "threshold": self.threshold,
            "recent": list(self.recent),
            "counted": self.counted,
            "best_accuracy": self.best_accuracy,
            "best_step": self.best_step,
            "converged_at": self.converged_at,
            "pending": self._late.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.recent = list(state_dict["recent"])
        # A checkpoint from before there were curricula has no such count.
        self.counted = min(state_dict.get("counted", len(self.recent)), len(self.recent))
        if state_dict["window"] == self.window:
            self.best_accuracy = state_dict["best_accuracy"]
            self.best_step = state_dict["best_step"]
        # By another rule, the run may not have converged yet.
        same = (state_dict["window"], state_dict["threshold"]) == (self.window, self.threshold)
        self.converged_at = state_dict["converged_at"] if same or self.converged else None
        self._late.load_state_dict(state_dict.get("pending", []))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
