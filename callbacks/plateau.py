"""Lower the learning rate when a validation no longer gets better."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.cli import ReduceLROnPlateau
from pytorch_lightning.utilities.exceptions import MisconfigurationException


class Plateau(Callback):
    """Step a ReduceLROnPlateau at the end of each validation.

    Lightning would step it after the checkpoint of the same moment has been written, and a run
    resumed from there would ask for a measurement that it has not made.

    Args:
        scheduler: with the metric to `monitor`, such as loss/validation.
    """

    def __init__(self, scheduler: ReduceLROnPlateau) -> None:
        self.scheduler = scheduler

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn != "fit" or trainer.sanity_checking:
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
