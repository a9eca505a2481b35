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
        # Between two slices of one step there is no state to go on from.
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        if trainer.world_size == 1:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        else:
            remaining = self.time_remaining()
            is_over = remaining is not None and remaining <= 0
            if self._late.heard(trainer, is_over):
                trainer.should_stop = True
                rank_zero_info("Time limit reached.")

    def state_dict(self) -> dict[str, Any]:
        return {}
