"""The end of a run: what it leaves behind, made as a whole whenever some of it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from pytorch_lightning import Callback, LightningModule, Trainer


class Part(Protocol):
    """Something that a run leaves behind at its end."""

    def begin(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The run is about to train on: what is left of an earlier end is no longer true."""

    def finish(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make it anew, from what a checkpoint of the last step holds."""

    def is_missing(self) -> bool:
        """Whether it is known not to be there."""


class Ending(Callback):
    """Make what a run leaves behind, after its last checkpoint.

    A run may be cut off before all of it is there. Resumed at its end, where no step is left to be
    trained, it makes up for that: if any part is missing, all are made anew, since nothing tells
    how far each of them has come. What they write to TensorBoard goes to a file of its own, which
    takes the place of an earlier one.

    The main process alone does it.

    Args:
        parts: in their order; the last one is the mark that all are there, the first one to go when
            the run trains on, and the last one to be made.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self._trains = False

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._trains:
            return
        self._trains = True
        if trainer.is_global_zero:
            for part in reversed(self.parts):
                part.begin(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        if self._trains or any(part.is_missing() for part in self.parts):
            if trainer.logger:
                trainer.logger.begin_file(trainer.global_step)
            # Lightning has taken it from there by now.
            pl_module.to(trainer.strategy.root_device)
            for part in self.parts:
                part.finish(trainer, pl_module)
            pl_module.cpu()
