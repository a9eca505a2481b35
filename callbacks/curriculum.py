"""Let a curriculum see what the training comes to."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.convergence import Convergence


class CurriculumStages(Callback):
    """Tell the stages of the data how each step went.

    All devices tell theirs the same: accuracy and loss are means over them. What there is to resume
    is kept by the data module.

    Args:
        convergence: knows the accuracy of every step; it must come before.
    """

    def __init__(self, convergence: Convergence) -> None:
        self.convergence = convergence
        self._losses: list[Tensor] = []

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
        loss = trainer.strategy.reduce(torch.stack(self._losses).sum(), reduce_op="mean")
        accuracy = self.convergence.recent[-1]
        trainer.datamodule.stages.observe(trainer.global_step - 1, accuracy, float(loss))
