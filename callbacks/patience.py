"""Stop when the validation has long not become better."""

from __future__ import annotations

import math
from typing import Any, Literal

from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.validations import is_measurement, only_since_it_stops


class Patience(Callback):
    """Watch a result of each validation, and stop when it has not become better for a while.

    A validation that comes only because the run stops for another reason does not count.

    Lightning's EarlyStopping would take its patience from the checkpoint, whatever is typed, and
    let a run that had stopped go on by a step when it is resumed.

    Args:
        patience: validations that may pass without a better result; null only watches.
        monitor: what is to become better: the loss lower, the accuracy higher.
        min_delta: by how much at least.

    Raises:
        ValueError: patience is below 1, or min_delta below 0 or not finite.
    """

    def __init__(
        self,
        patience: int | None = None,
        monitor: Literal["loss/validation", "accuracy/validation"] = "loss/validation",
        min_delta: float = 0.0,
    ) -> None:
        if patience is not None and patience < 1:
            raise ValueError(f"patience must be at least 1, got {patience}")
        if not 0 <= min_delta < math.inf:
            raise ValueError(f"min_delta must be at least 0 and finite, got {min_delta}")
        self.patience, self.monitor, self.min_delta = patience, monitor, min_delta
        self.best = -math.inf
        self.waited = 0

    @property
    def exhausted(self) -> bool:
        return self.patience is not None and self.waited >= self.patience

    @property
    def reason(self) -> str | None:
        """Why the run stopped, if it did so for this."""
        word = "lower" if self.monitor.startswith("loss") else "higher"
        return f"no {word} {self.monitor} in {self.waited} validations" if self.exhausted else None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # A run that was cut off after it had stopped is not to train on when it is resumed.
        self._stop_if_exhausted(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not is_measurement(trainer) or only_since_it_stops(trainer):
            return
        self.observe(float(trainer.callback_metrics[self.monitor]))
        self._stop_if_exhausted(trainer)

    def observe(self, value: float) -> None:
        """Take in the result of a validation; one that is no number is not better."""
        score = -value if self.monitor.startswith("loss") else value
        if score > self.best + self.min_delta:
            self.best, self.waited = score, 0
        else:
            self.waited += 1

    def _stop_if_exhausted(self, trainer: Trainer) -> None:
        # Lightning would keep a word given before min_steps or min_epochs, and act on it later.
        if self.exhausted and trainer.fit_loop._can_stop_early:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {
            "monitor": self.monitor,
            "min_delta": self.min_delta,
            "best": self.best,
            "waited": self.waited,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        # What was the best by another measure says nothing about this one.
        if (state_dict["monitor"], state_dict["min_delta"]) == (self.monitor, self.min_delta):
            self.best, self.waited = state_dict["best"], state_dict["waited"]
