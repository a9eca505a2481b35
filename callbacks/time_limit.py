"""An end to the training after some time."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Timer
from pytorch_lightning.utilities.rank_zero import rank_zero_info

from callbacks.late import Late


class TimeLimit(Timer):
    """Lightning's timer, which counts anew when a run is resumed: who resumes wants to go on.

    Several devices stop once the time of any is over, on GPUs some steps later (`callbacks.late`).
    """

    def __init__(self, duration: Any) -> None:
        # It says that the limit is reached in its own words.
        super().__init__(duration, verbose=False)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._late = Late()
        self._late.begin(trainer)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        remaining = self.time_remaining()
        is_over = remaining is not None and remaining <= 0
        if trainer.world_size > 1:
            at_a_step = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
            is_over = at_a_step and self._late.heard(trainer, is_over)
        if is_over and not trainer.should_stop:
            trainer.should_stop = True
            rank_zero_info("Time limit reached.")

    def state_dict(self) -> dict[str, Any]:
        return {}
