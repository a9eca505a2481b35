"""Signals that end a run: between two steps, with a checkpoint, on all devices at once."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.late import Late

# Ctrl-C, a request to end, and a terminal that is closed, which not every system knows.
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Interrupted(Exception):
    """A signal ended the run, after the checkpoint of `step` had been written to `folder`.

    Of several processes, `is_main` is the one that has written it.
    """

    def __init__(self, step: int, signal_number: int, folder: Path, is_main: bool) -> None:
        super().__init__(f"interrupted at step {step}")
        self.step, self.signal_number = step, signal_number
        self.folder, self.is_main = folder, is_main


class Interruption(Callback):
    """Note the first Ctrl-C, SIGTERM or SIGHUP for `callbacks.Checkpoints` to act on.

    A signal may arrive between the optimiser's update and the count of it, where a checkpoint
    would be torn; so the handler only takes a note. A second Ctrl-C ends the process at once.
    A SIGHUP that is ignored, as under nohup, stays so.
    Several GPUs agree some steps later (`callbacks.late`), so that no step waits for them.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._late = Late()
        self._previous: dict[int, Any] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        # Earlier than Lightning, which replaces some of them while it trains.
        self._previous = {number: signal.getsignal(number) for number in SIGNALS}
        if self._previous.get(getattr(signal, "SIGHUP", None)) is signal.SIG_IGN:
            del self._previous[signal.SIGHUP]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Later than Lightning, which has put its own SIGTERM handler in place by now.
        self.signal_number = None
        for number in self._previous:
            signal.signal(number, self._note)
        self._late = Late()
        self._late.begin(trainer)
        if trainer.received_sigterm:
            # It came to Lightning's handler, which was in place before: that one would stop this
            # device alone.
            self.signal_number = signal.SIGTERM
            trainer._signal_connector.received_sigterm = False
        # Lightning would ask all devices before each step whether a SIGTERM has come, and wait for
        # the answer. None comes to it any more.
        trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None

    def agreed(self, trainer: Trainer) -> int | None:
        """The signal that any device has received, known to all of them; call it on all.

        Call it once a step.
        """
        if trainer.world_size == 1:
            return self.signal_number
        interrupted = self._late.heard(trainer, self.signal_number is not None)
        return (self.signal_number or signal.SIGTERM) if interrupted else None

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._restore()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is not None and number == signal.SIGINT:
            raise SystemExit(128 + number)
        self.signal_number = number

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
