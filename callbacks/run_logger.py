"""TensorBoard events in the run's own folder."""

from __future__ import annotations

from pathlib import Path

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only


class RunLogger(TensorBoardLogger):
    """Write a run's events straight into its folder, and nothing else.

    Args:
        folder: of the run.
        resumed_step: where a resumed run goes on. TensorBoard forgets what the run had written
            after that step, so that nothing appears twice.
    """

    def __init__(self, folder: Path, resumed_step: int | None = None) -> None:
        purge_step = None if resumed_step is None else resumed_step + 1
        super().__init__(
            folder, name="", version="", default_hp_metric=False, purge_step=purge_step
        )

    @rank_zero_only
    def save(self) -> None:
        """Flush the events; Lightning would write the settings again, which config.yaml has."""
        # A run that has nothing to write must not make TensorBoard forget anything.
        if self._experiment is not None:
            self.experiment.flush()
