"""TensorBoard events in the run's own folder."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only
from torch.utils.tensorboard import SummaryWriter

HELD_OUT = re.compile(r"(loss|accuracy)/(validation|test)")
FROM_STEP = re.compile(r"\.from_(\d+)$")


class RunLogger(TensorBoardLogger):
    """Write a run's events straight into its folder, and nothing else.

    Each file is named after the checkpoint that it goes on from, `.from_STEP`. A run that goes on
    from there once more writes all that is in it again, also what is of that very step, and the
    file is removed. Of earlier files, TensorBoard forgets what they hold of later steps.

    Args:
        folder: of the run.
        resumed_step: where a resumed run goes on.
    """

    def __init__(self, folder: Path, resumed_step: int | None = None) -> None:
        super().__init__(folder, name="", version="", default_hp_metric=False)
        self._resumed_step = resumed_step

    def begin_file(self, step: int) -> None:
        """Write what follows to a file of its own, which goes on from a step."""
        if self._experiment is not None:
            self._experiment.close()
        self._experiment, self._resumed_step = None, step

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """TensorBoard's writer; its file is made when something is written."""
        if self._experiment is None:
            self._experiment = LateWriter(self.log_dir, self._resumed_step)
        return self._experiment

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write points at a step, but for those that callbacks write, at their own step.

        What Lightning writes by itself has the epoch with it. What it does so of a validation or a
        test has been measured outside of the training, and is no part of its curves.
        """
        if "epoch" in metrics:
            others = {name for name in metrics if not HELD_OUT.fullmatch(name)}
            if others <= {"epoch"}:
                return
            metrics = {name: metrics[name] for name in metrics if name in others}
        try:
            super().log_metrics(metrics, step)
        except ValueError as error:
            # Where a file cannot be written, Lightning would blame the metrics.
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            raise

    @rank_zero_only
    def save(self) -> None:
        """Flush the events; Lightning would write the settings again, which config.yaml has."""
        self.experiment.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Close the file; of a run that has failed, such as on a full disk, as far as it can be."""
        with suppress(OSError) if status == "failed" else nullcontext():
            super().finalize(status)


@contextmanager
def failures_told_once() -> Iterator[None]:
    """Let the writer's thread fail without a traceback: what is written next raises its error."""
    kept = threading.excepthook

    def hook(failure: threading.ExceptHookArgs) -> None:
        is_writer = type(failure.thread).__module__.startswith("tensorboard.")
        if not (is_writer and issubclass(failure.exc_type, OSError)):
            kept(failure)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = kept


class LateWriter(SummaryWriter):
    """A SummaryWriter that makes no file before there is something to write.

    Lightning asks for the writer of every run. One that is resumed at its very end has nothing to
    write, and must not make TensorBoard forget what it wrote before.
    """

    def __init__(self, folder: str, resumed_step: int | None) -> None:
        self._folder, self._resumed_step, self._made = folder, resumed_step, False

    def __getattr__(self, name: str) -> Any:
        # Only what SummaryWriter's constructor would have set comes here.
        if self.__dict__.get("_made", True):
            raise AttributeError(name)
        self._made = True
        try:
            self._make_in_order()
        except OSError:
            self._made = False
            raise
        return getattr(self, name)

    def _make_in_order(self) -> None:
        step = self._resumed_step or 0
        for file in self._files():
            first = FROM_STEP.search(file.name)
            if first and int(first[1]) >= step:
                file.unlink(missing_ok=True)
        earlier = self._files()
        self._make(step)
        # TensorBoard reads the files in the order of their names, which have the second of their
        # making, and within it a number without leading zeros.
        while earlier and max(earlier) > (made := (self._files() - earlier).pop()):
            super().close()
            made.unlink()
            time.sleep(1 - time.time() % 1)
            self._make(step)

    def _make(self, step: int) -> None:
        # TensorBoard passes over the first mark of a beginning that it meets, so the first file
        # must have one too, or the second one's would not count.
        purge_step = 0 if self._resumed_step is None else step + 1
        super().__init__(self._folder, purge_step=purge_step, filename_suffix=f".from_{step}")

    def _files(self) -> set[Path]:
        return set(Path(self._folder).glob("events.out.tfevents.*"))

    def flush(self) -> None:
        if self._made:
            super().flush()

    def close(self) -> None:
        if self._made:
            super().close()
