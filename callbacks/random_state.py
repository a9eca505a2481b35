"""The state of all random numbers, so that dropout too goes on where it stopped."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

# The bytes of a Mersenne Twister: 624 words, and the place among them.
TWISTER = 4 * 625


class RandomState(Callback):
    """Keep the random state of every process in the checkpoint; Lightning keeps none.

    It is that of the training alone: a validation and the end of a run draw random numbers too, in
    loaders, users' models and callbacks, and leave it as it was. So the training does not depend on
    how often the run validates, and whether it has ended in between.

    A run resumed on another number of devices has no state of its own to go on from for the new
    ones; they start from their seed.
    """

    def __init__(self) -> None:
        self._loaded: list[dict[str, Any]] | None = None
        self._of_training: Snapshot | None = None

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        own = (self._of_training or Snapshot.taken()).plain()
        states: list[Any] = [own]
        if trainer.world_size > 1:
            states = [None] * trainer.world_size
            torch.distributed.all_gather_object(states, own)
        checkpoint["random_states"] = states

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._loaded = checkpoint.get("random_states")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # As late as this, since setting up the loaders draws random numbers too.
        if self._loaded and trainer.global_rank < len(self._loaded):
            Snapshot.read(self._loaded[trainer.global_rank]).put_back()
        self._loaded = None
        # The hooks of a validation come after its loaders have drawn, and those of the end after
        # other callbacks.
        loop = trainer.fit_loop
        loop.epoch_loop.val_loop.run = self._aside(loop.epoch_loop.val_loop.run)
        loop.on_run_end = self._aside(loop.on_run_end)

    def _aside(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, leaving the random state as it was; checkpoints in it have that one."""

        @wraps(function)
        def without_a_trace(*args: Any, **kwargs: Any) -> Any:
            # A Trainer that fits more than once has this around it as often.
            outer = self._of_training
            with kept() as self._of_training:
                try:
                    return function(*args, **kwargs)
                finally:
                    self._of_training = outer

        return without_a_trace


@dataclass(frozen=True)
class Snapshot:
    """The random state of this process: Python, NumPy, torch, and each GPU."""

    python: tuple[Any, ...]
    numpy: tuple[Any, ...]
    torch: Tensor
    cuda: list[Tensor]

    @classmethod
    def taken(cls) -> Snapshot:
        """The state as it is now."""
        on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return cls(random.getstate(), _numpy.get(), torch.get_rng_state(), on_gpus)

    @classmethod
    def read(cls, state: dict[str, Any]) -> Snapshot:
        """What `plain` gave."""
        version, internal, gauss_next = state["python"]
        algorithm, keys, *rest = state["numpy"]
        return cls(
            (version, tuple(internal), gauss_next),
            (algorithm, np.array(keys, np.uint32), *rest),
            state["torch"].cpu(),
            [each.cpu() for each in state["cuda"]],
        )

    def plain(self) -> dict[str, Any]:
        """In plain types and tensors, as a checkpoint has it."""
        version, internal, gauss_next = self.python
        algorithm, keys, position, has_gauss, gauss = self.numpy
        return {
            "python": [version, list(internal), gauss_next],
            "numpy": [algorithm, keys.tolist(), int(position), int(has_gauss), float(gauss)],
            "torch": self.torch,
            "cuda": self.cuda,
        }

    def put_back(self) -> None:
        random.setstate(self.python)
        _numpy.set(self.numpy)
        torch.set_rng_state(self.torch)
        if self.cuda and len(self.cuda) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(self.cuda)


@contextmanager
def kept() -> Iterator[Snapshot]:
    """Within, random numbers may be drawn; after it, the state is as it was."""
    before = Snapshot.taken()
    try:
        yield before
    finally:
        before.put_back()


class _Numpy:
    """NumPy's random state, read and written only where it has changed.

    NumPy takes 0.1 ms for either, a tenth of an epoch over a small graph, and hardly anybody draws
    from it. Its bytes tell whether somebody has.
    """

    def __init__(self) -> None:
        self._state: tuple[Any, ...] = ()
        self._bytes: bytes | None = None

    def get(self) -> tuple[Any, ...]:
        if not self._is_known():
            # Legacy, with a normal number that may be left over from a pair.
            self._state, self._bytes = np.random.get_state(), self._bytes_now()
        return self._state

    def set(self, state: tuple[Any, ...]) -> None:
        if state is not self._state or not self._is_known():
            np.random.set_state(state)
            self._state, self._bytes = state, self._bytes_now()

    def _is_known(self) -> bool:
        # A number that is left over is taken without a trace in the bytes.
        known = self._bytes is not None and self._bytes == self._bytes_now()
        return known and not self._state[3]

    @staticmethod
    def _bytes_now() -> bytes | None:
        generator = np.random.get_bit_generator()
        if not isinstance(generator, np.random.MT19937):
            return None
        return ctypes.string_at(generator.ctypes.state_address, TWISTER)


_numpy = _Numpy()
