"""Numbers of a step, read some steps later: a GPU that has just been asked for them has not yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import torch
from pytorch_lightning import Trainer
from torch import Tensor

# Steps that a GPU may be behind the process that tells it what to do.
BEHIND = 4


def lateness(trainer: Trainer) -> int:
    """Steps after which the numbers of one are read: the same on all devices, at all times.

    None on a CPU; nor under a curriculum, whose stages need each number at once; nor where a number
    of epochs is to be made first, which have ended or not when a number is known.
    """
    at_once = getattr(trainer.datamodule, "stages", None) or trainer.min_epochs
    return BEHIND if trainer.strategy.root_device.type == "cuda" and not at_once else 0


def mean_over_devices(trainer: Trainer, numbers: Tensor) -> Tensor:
    """Numbers of any shape, each as its mean over all devices; these may be overwritten.

    Lightning has all devices meet at a barrier first, for which the host waits for its GPU.
    """
    if trainer.world_size > 1 and torch.distributed.is_initialized():
        torch.distributed.all_reduce(numbers)
        return numbers.div_(trainer.world_size)
    return trainer.strategy.reduce(numbers, reduce_op="mean")


class Late:
    """Numbers in the order of their steps, each read `lateness` steps after it was put in.

    That step is all that counts, and not when a copy arrives: what is decided by these numbers is
    decided at the same step in every run, on every device.
    """

    def __init__(self) -> None:
        self.lateness = 0
        self._waiting: deque[tuple[int, Copy | list[float]]] = deque()

    def begin(self, trainer: Trainer) -> None:
        """Be as late as this training is; what a checkpoint has left may be due earlier, or not."""
        self.lateness = lateness(trainer)

    def first_step(self, default: int) -> int:
        """The first step that is not taken out, if any."""
        return self._waiting[0][0] if self._waiting else default

    def put(self, trainer: Trainer, step: int, numbers: list[Tensor]) -> None:
        """Numbers () of a step, of which the means over all devices are kept."""
        self._waiting.append((step, Copy(mean_over_devices(trainer, torch.stack(numbers)))))

    def due(self, step: int) -> Iterator[tuple[int, list[float]]]:
        """Take out what is to be read at the end of a step: the number of each step, and its."""
        while self._waiting and self._waiting[0][0] <= step - self.lateness:
            yield self._take_out()

    def heard(self, trainer: Trainer, told: bool) -> bool:
        """Whether any device told so `lateness` steps before; call it once a step, on all."""
        share = torch.full((), float(told), device=trainer.strategy.root_device)
        self.put(trainer, trainer.global_step, [share])
        return any(share > 0 for _, (share,) in self.due(trainer.global_step))

    def rest(self) -> Iterator[tuple[int, list[float]]]:
        """Take out all, at the end of the training."""
        while self._waiting:
            yield self._take_out()

    def peek(self) -> list[tuple[int, list[float]]]:
        """All that is not due yet; this waits for it, and leaves it where it is."""
        read = [(step, read_now(numbers)) for step, numbers in self._waiting]
        self._waiting = deque(read)
        return read

    def state_dict(self) -> list[list[Any]]:
        """What is not due yet, in plain types."""
        return [[step, list(numbers)] for step, numbers in self.peek()]

    def load_state_dict(self, state: list[list[Any]]) -> None:
        self._waiting = deque((step, list(numbers)) for step, numbers in state)

    def _take_out(self) -> tuple[int, list[float]]:
        step, numbers = self._waiting.popleft()
        return step, read_now(numbers)


class Copy:
    """Numbers (n,) on their way to the host."""

    def __init__(self, numbers: Tensor) -> None:
        self._here, self._arrived = numbers, None
        if numbers.is_cuda:
            # Into pinned memory, while the host goes on.
            self._here, self._arrived = numbers.to("cpu", non_blocking=True), torch.cuda.Event()
            self._arrived.record()

    def read(self) -> list[float]:
        if self._arrived:
            self._arrived.synchronize()
        return self._here.tolist()


def read_now(numbers: Copy | list[float]) -> list[float]:
    """Numbers, from wherever they are."""
    return numbers.read() if isinstance(numbers, Copy) else numbers
