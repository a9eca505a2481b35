"""What a person sees while a run trains: one line that moves, or a line now and then in a log."""

from __future__ import annotations

import math
import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from torch import Tensor

from callbacks.convergence import Convergence

SECONDS_BETWEEN_REFRESHES = 0.5
SECONDS_BETWEEN_LINES = 10.0


class StepProgress(ProgressBar):
    """A bar of the steps done of max_steps, with loss, accuracy, speed and the time left at most.

    It fits a terminal of 80 columns.

    Where the output is not a terminal, a line every ten seconds stands in for the bar. The bar is
    drawn at most twice a second, by the training loop itself: a thread that redraws it would
    take turns with the training at every step.

    Args:
        convergence: averages the accuracy of every step.
        console: where to draw; the standard output if None.
    """

    def __init__(self, convergence: Convergence, console: Console | None = None) -> None:
        super().__init__()
        self.convergence = convergence
        self.console = console or Console()
        self._enabled = True
        self._bar: Progress | None = None
        self._next_refresh = 0.0
        self._started = (0, 0.0)
        self._loss: Tensor | float = math.nan

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        """Lightning calls this on every process but the first."""
        self._enabled = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        now = time.monotonic()
        self._started, self._next_refresh = (trainer.global_step, now), now
        if not self._enabled or not self.console.is_terminal:
            return
        self._bar = Progress(
            BarColumn(bar_width=None),
            # It is for the bar to become shorter where there is little room.
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[numbers]}"),
            TextColumn("at most"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            auto_refresh=False,
            expand=True,
        )
        total = trainer.max_steps if trainer.max_steps > 0 else None
        self._bar.add_task("", total=total, completed=trainer.global_step, numbers="")
        self._bar.start()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: dict[str, Tensor],
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._loss = outputs["loss"]
        if self._enabled and time.monotonic() >= self._next_refresh:
            self._show(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._close(trainer)

    def _show(self, trainer: Trainer) -> None:
        now, step = time.monotonic(), trainer.global_step
        first_step, first_time = self._started
        speed = (step - first_step) / max(now - first_time, 1e-9)
        loss = float(self._loss) * trainer.accumulate_grad_batches
        stages = getattr(trainer.datamodule, "stages", None)
        # Where batches are accumulated, the first step may not be done yet.
        at = f"T {stages.length_at(max(step - 1, 0))}  " if stages else ""
        accuracy = self.convergence.moving_average
        numbers = f"{at}loss {loss:.3f}  accuracy {accuracy:.3f}  {speed:.3g} steps/s"
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=step, numbers=numbers, refresh=True)
            self._next_refresh = now + SECONDS_BETWEEN_REFRESHES
        else:
            self.console.print(f"step {step}  {numbers}", highlight=False)
            self._next_refresh = now + SECONDS_BETWEEN_LINES

    def _close(self, trainer: Trainer) -> None:
        if self._bar:
            self._show(trainer)
            self._bar.stop()
            self._bar = None
