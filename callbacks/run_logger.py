"""TensorBoard events in the run's own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only
from torch.utils.tensorboard import SummaryWriter


class RunLogger(TensorBoardLogger):
    """Write a run's events straight into its folder, and nothing else.

    Args:
        folder: of the run.
        resumed_step: where a resumed run goes on. TensorBoard forgets what the run had written
            after that step, so that nothing appears twice.
    """

    def __init__(self, folder: Path, resumed_step: int | None = None) -> None:
        # TensorBoard passes over the first mark of a beginning that it meets, so the first file
        # must have one too, or the second one's would not count.
        purge_step = 0 if resumed_step is None else resumed_step + 1
        super().__init__(
            folder, name="", version="", default_hp_metric=False, purge_step=purge_step
        )

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """TensorBoard's writer; its file is made when something is written."""
        if self._experiment is None:
            self._experiment = LateWriter(self.log_dir, self._kwargs["purge_step"])
        return self._experiment

    @rank_zero_only
    def save(self) -> None:
        """Flush the events; Lightning would write the settings again, which config.yaml has."""
        self.experiment.flush()


class LateWriter(SummaryWriter):
    """A SummaryWriter that makes no file before there is something to write.

    Lightning asks for the writer of every run. One that is resumed at its very end has nothing to
    write, and must not make TensorBoard forget what it wrote before.
    """

    def __init__(self, folder: str, purge_step: int | None) -> None:
        self._folder, self._purge_step, self._made = folder, purge_step, False

    def __getattr__(self, name: str) -> Any:
        # Only what SummaryWriter's constructor would have set comes here.
        if self.__dict__.get("_made", True):
            raise AttributeError(name)
        self._made = True
        super().__init__(self._folder, purge_step=self._purge_step)
        return getattr(self, name)

    def flush(self) -> None:
        if self._made:
            super().flush()

    def close(self) -> None:
        if self._made:
            super().close()
