"""How far a run has come, noted in a file: who waits for many runs has no screen of each."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.convergence import Convergence
from storage import how_far

SECONDS_BETWEEN_NOTES = 2.0


class HowFarNoted(Callback):
    """Note step and accuracy every two seconds, in a file that is there while the run trains.

    Args:
        file: to write.
        convergence: averages the accuracy of every step.
    """

    def __init__(self, file: Path, convergence: Convergence) -> None:
        self.file, self.convergence = file, convergence
        self._next = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._next = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if (now := time.monotonic()) < self._next or not trainer.is_global_zero:
            return
        self._next = now + SECONDS_BETWEEN_NOTES
        accuracy = self.convergence.moving_average
        how_far.note(self.file, how_far.HowFar(trainer.global_step, trainer.max_steps, accuracy))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._forget(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._forget(trainer)

    def _forget(self, trainer: Trainer) -> None:
        if trainer.is_global_zero:
            with suppress(OSError):
                self.file.unlink(missing_ok=True)
