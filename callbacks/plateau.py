"""Lower the learning rate when a validation no longer gets better."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.cli import ReduceLROnPlateau
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from callbacks.validations import is_measurement, only_since_it_stops


class Plateau(Callback):
    """Step a ReduceLROnPlateau at the end of each validation.

    One that comes only because the run stops does not count.

    Lightning would step it after the checkpoint of the same moment has been written, and a run
    resumed from there would ask for a measurement that it has not made.

    Args:
        scheduler: with the metric to `monitor`, such as loss/validation.
    """

    def __init__(self, scheduler: ReduceLROnPlateau) -> None:
        self.scheduler = scheduler

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not is_measurement(trainer) or only_since_it_stops(trainer):
            return
        name, measured = self.scheduler.monitor, trainer.callback_metrics
        if name not in measured:
            raise MisconfigurationException(
                f"lr_scheduler.monitor {name} is not measured; there are {', '.join(measured)}"
            )
        self.scheduler.step(measured[name])

    def state_dict(self) -> dict[str, Any]:
        return self.scheduler.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(state_dict)
