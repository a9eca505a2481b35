"""Checkpoints that a run can go on from bit for bit, wherever it was cut off."""

from __future__ import annotations

import errno
import io
import math
import os
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.interruption import Interrupted, Interruption
from callbacks.validations import is_measurement, validates
from storage.archive import check_archive
from storage.files import written_whole


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write checkpoints whole or not at all.

    Lightning writes them in place: a process killed while it writes leaves a broken file. Read them
    only as they were written.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        # In memory first: of a file that cannot be written, torch would not say why.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with written_whole(Path(path), "wb") as file:
            file.write(content.getbuffer())

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As Lightning does.

        Raises:
            Broken: the file is not as it was written; torch itself would not know.
        """
        check_archive(Path(path))
        return super().load_checkpoint(path, *args, **kwargs)


class Checkpoints(Callback):
    """Keep `last.ckpt`, `best.ckpt` and, if asked, `step_N.ckpt` in the run's folder.

    `last` is written before the first step, every n steps, at the end and when the run is
    interrupted. `best` is written when a validation has the highest score so far, by the model's
    own measure.

    A checkpoint of a step at which the run also validates is written after the validation:
    Lightning does not make up for a validation that a resumed run has missed.

    Args:
        folder: where the files go.
        interruption: what has been told to stop the run.
        config: settings of the run, plain types only; kept in each checkpoint as `config`.
        every_n_steps: steps between two writings of last.ckpt.
        keep_every_n_steps: keep a step_N.ckpt every so many steps; null keeps none.

    Raises:
        ValueError: a number of steps is below 1.
    """

    def __init__(
        self,
        folder: Path,
        interruption: Interruption,
        config: dict[str, Any],
        every_n_steps: int = 500,
        keep_every_n_steps: int | None = None,
    ) -> None:
        for name, steps in (
            ("every_n_steps", every_n_steps),
            ("keep_every_n_steps", keep_every_n_steps),
        ):
            if steps is not None and steps < 1:
                raise ValueError(f"{name} must be at least 1, got {steps}")
        self.folder, self.interruption, self.config = folder, interruption, config
        self.every_n_steps, self.keep_every_n_steps = every_n_steps, keep_every_n_steps
        self.best_score: list[float] | None = None
        self.best_validation: dict[str, float] = {}
        self._signal: int | None = None
        self._last_saved: int | None = None
        # The device and inode of the run's folder, by which it is known again.
        self._identity: tuple[int, int] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last_saved, self._identity = trainer.global_step, None
        if trainer.is_global_zero:
            self._check_folder()
        # From the first step on there is something to resume from.
        if trainer.global_step == 0:
            self._save(trainer, "last")

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: dict[str, Tensor],
        batch: Any,
        batch_idx: int,
    ) -> None:
        # Between two slices of one step there is no state to go on from.
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        self._signal = self.interruption.agreed(trainer)
        # Asked last: Lightning takes longer to say than all else here.
        if self._due(trainer) and not validates(trainer):
            self._end_step(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not is_measurement(trainer):
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        score = pl_module.score(metrics)
        finite = all(map(math.isfinite, score))
        if finite and (self.best_score is None or score > self.best_score):
            self.best_score = score
            self.best_validation = {"step": trainer.global_step, **pl_module.in_all_units(metrics)}
            self._save(trainer, "best")
        self._end_step(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # However else it has come to its end.
        if self._last_saved != trainer.global_step:
            self._save(trainer, "last")

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["config"] = self.config

    def state_dict(self) -> dict[str, Any]:
        return {"best_score": self.best_score, "best_validation": dict(self.best_validation)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_score = state_dict["best_score"]
        self.best_validation = dict(state_dict["best_validation"])

    def _due(self, trainer: Trainer) -> list[str]:
        """Names of the checkpoints to be saved after this step."""
        step, due = trainer.global_step, []
        if self.keep_every_n_steps and step % self.keep_every_n_steps == 0:
            due.append(f"step_{step}")
        if step % self.every_n_steps == 0 or self._signal is not None or self._is_final(trainer):
            due.append("last")
        return due

    def _end_step(self, trainer: Trainer) -> None:
        for name in self._due(trainer):
            self._save(trainer, name)
        if self._signal is not None and not self._is_final(trainer):
            raise Interrupted(
                trainer.global_step, self._signal, self.folder.parent, trainer.is_global_zero
            )

    @staticmethod
    def _is_final(trainer: Trainer) -> bool:
        stops = trainer.should_stop and trainer.fit_loop._can_stop_early
        return bool(
            stops
            or trainer.global_step == trainer.max_steps
            or (trainer.is_last_batch and ends_with_epoch(trainer))
        )

    def _save(self, trainer: Trainer, name: str) -> None:
        if trainer.is_global_zero:
            self._check_folder()
        # A resumed run continues the curves from the checkpoint, so they must reach up to it.
        for logger in trainer.loggers:
            logger.save()
        trainer.save_checkpoint(self.folder / f"{name}.ckpt", weights_only=False)
        if name == "last":
            self._last_saved = trainer.global_step

    def _check_folder(self) -> None:
        """Lest a folder that somebody has removed be made again, and hold half a run."""
        folder = self.folder.parent
        try:
            found = os.stat(folder)
        except FileNotFoundError:
            if self._identity is None:
                return
            raise
        identity = (found.st_dev, found.st_ino)
        if self._identity not in (None, identity):
            raise FileNotFoundError(errno.ENOENT, "It has been replaced", str(folder))
        self._identity = identity


def ends_with_epoch(trainer: Trainer) -> bool:
    """Whether the training ends with the epoch whose last batch has just been.

    Told once the epoch has ended, Lightning would go on from there with half an epoch.
    """
    epochs, steps = trainer.current_epoch + 1, trainer.global_step
    may_stop = epochs >= (trainer.min_epochs or 0) and steps >= (trainer.min_steps or 0)
    return epochs == trainer.max_epochs or (trainer.should_stop and may_stop)
