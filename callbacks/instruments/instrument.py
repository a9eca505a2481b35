"""What all instruments share: when they measure, and what they leave in the folder of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.instruments.readings import Readings


class Instrument(Callback):
    """Measure the training every so many steps, and leave it as it is, bit for bit.

    A reading is named after the training step before whose update it is taken: 1 before any. They
    are kept in NAME.csv, and drawn in NAME.png and other pictures when the run ends. A run that was
    cut off and goes on forgets the readings of the steps that it makes once more.

    The main process measures, on its own share of the batch and without asking other devices;
    where batches are accumulated, on the first of a step.

    Args:
        folder: of the run's instruments.
        every: training steps between two measurements.

    Raises:
        ValueError: `every` is below 1.
    """

    name: ClassVar[str]
    columns: ClassVar[Sequence[str]]
    # Those of them that do not hold numbers.
    texts: ClassVar[Sequence[str]]

    def __init__(self, folder: Path, every: int) -> None:
        if every < 1:
            raise ValueError(f"watch.{self.name} must be at least 1, got {every}")
        self.folder, self.every = folder, every
        self.readings = Readings(folder / f"{self.name}.csv", self.columns, self.texts)
        self.picture = folder / f"{self.name}.png"

    def is_due(self, step: int) -> bool:
        """Whether it is to measure before the update of a step."""
        return step == 1 or step % self.every == 0

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if not trainer.is_global_zero or batch_idx % trainer.accumulate_grad_batches:
            return
        step = trainer.global_step + 1
        if self.is_due(step):
            self.measure(trainer, pl_module, batch, step)

    def begin(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget what was read of steps that come again, and the picture, which has fewer steps."""
        self.readings.cut_back(trainer.global_step)
        self.picture.unlink(missing_ok=True)

    def finish(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.readings.cut_back(trainer.global_step)
        self.conclude(trainer, pl_module)

    def is_missing(self) -> bool:
        return not self.picture.is_file()

    def measure(self, trainer: Trainer, model: LightningModule, batch: Any, step: int) -> None:
        """Take a reading before the update of a step, by its batch; the main process alone."""

    def conclude(self, trainer: Trainer, model: LightningModule) -> None:
        """Take a last reading, and draw `picture`, after all else; the main process alone."""

    def show(self, trainer: Trainer, tag: str, figure: Any, step: int) -> None:
        """A figure for TensorBoard, if the run has one."""
        if trainer.logger:
            trainer.logger.experiment.add_figure(f"figures/{self.name}/{tag}", figure, step)
