"""Let a curriculum see what the training comes to, and show the stages that it went through."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.convergence import Convergence
from figures.stages import draw_stages


class CurriculumStages(Callback):
    """Tell the stages of the data how each step went, and draw them against the steps.

    All devices tell theirs the same: accuracy and loss are means over them. The length is written
    at step 1, where it changes, every `log_every_n_steps` of the Trainer and at the last step; a
    figure of all stages, at the end. What there is to resume is kept by the data module.

    Args:
        convergence: knows the accuracy of every step; it must come before.
    """

    def __init__(self, convergence: Convergence) -> None:
        self.convergence = convergence
        self._losses: list[float] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._losses.clear()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: dict[str, Tensor],
        batch: Any,
        batch_idx: int,
    ) -> None:
        # Of accumulated batches, Lightning hands out each one's part of the mean loss.
        self._losses.append(float(trainer.strategy.reduce(outputs["loss"], reduce_op="mean")))
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        stages, step = trainer.datamodule.stages, trainer.global_step
        stages.observe(step - 1, self.convergence.recent[-1], sum(self._losses))
        self._losses.clear()
        length = stages.length_at(step - 1)
        every = trainer.log_every_n_steps
        is_due = step in (1, trainer.max_steps) or trainer.should_stop
        is_due = is_due or bool(every and step % every == 0)
        if trainer.logger and (is_due or length != stages.length_at(step - 2)):
            trainer.logger.log_metrics({"curriculum/length": length}, step=step)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.logger and trainer.is_global_zero:
            stages, steps = trainer.datamodule.stages, trainer.global_step
            figure = draw_stages(stages.entered, steps, stages.length)
            trainer.logger.experiment.add_figure("curriculum", figure, steps)
