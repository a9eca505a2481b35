"""Batches that are counted: each is a pure function of (seed, step), whoever asks for it."""

from __future__ import annotations

import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from datamodules.curriculum import Stages

# Each stream of batches has a key of its own, so that no two of them ever share a number.
TRAINING, VALIDATION, TEST = range(3)


def random_numbers(seed: int, stream: int, step: int) -> np.random.Generator:
    """Random numbers for a batch, as a pure function of the arguments.

    The generator is counter-based (Philox: Salmon et al. 2011, "Parallel random numbers: as easy
    as 1, 2, 3"), so batch `step` costs the same whether or not those before it were drawn.

    Args:
        seed: from 0 to 2^64 - 1.
        stream: which sequence of batches: TRAINING, VALIDATION or TEST.
        step: number of the batch within the stream, from 0.
    """
    counter = np.array([0, 0, 0, step], dtype=np.uint64)
    key = np.array([seed, stream], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


def sent(tensor: Tensor, device: torch.device | None) -> Tensor:
    """A tensor of the CPU on a device, without waiting for what a GPU still has to do.

    Args:
        tensor: the smaller its type, the less there is to send.
        device: None leaves it where it is.
    """
    if device is None or device.type == "cpu":
        return tensor
    # From other memory, the copy would first wait for its turn.
    on_gpu = device.type == "cuda"
    return (tensor.pin_memory() if on_gpu else tensor).to(device, non_blocking=on_gpu)


def check_least(**ranges: tuple[int, int]) -> None:
    """Raise a ValueError unless each name=(value, least) has a value that is no less."""
    for name, (value, least) in ranges.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")


def check_seeds(**seeds: int | None) -> None:
    """Raise a ValueError unless each seed fits into the 64 bits that the generator takes."""
    for name, seed in seeds.items():
        check_least(**{name: (seed or 0, 0)})
        if seed and seed >= 2**64:
            raise ValueError(f"{name} must be below 2^64, got {seed}")


def check_shares(batch_size: int, devices: int, accumulate: int) -> None:
    """Make sure that the batch of an optimiser step can be cut into equal slices.

    Args:
        batch_size: examples an optimiser step, over all devices and accumulated batches.
        devices: number of devices.
        accumulate: batches that a device takes before the optimiser steps.

    Raises:
        MisconfigurationException: it cannot.
    """
    slices = devices * accumulate
    if batch_size % slices == 0:
        return
    shares = f"{devices} devices" if devices > 1 else "1 device"
    if accumulate > 1:
        shares += f" x {accumulate} accumulated batches"
    raise MisconfigurationException(
        f"data.batch_size {batch_size} cannot be shared equally by {shares}: it counts the "
        f"examples of an optimiser step over all of them, so it must be a multiple of {slices}"
    )


class CountedBatches(IterableDataset[Any], ABC):
    """Endless training batches of one device, from batch `first` on.

    The batch of an optimiser step is cut into `devices * accumulate` slices, so that however many
    devices share it, they see the same examples together. A subclass says in `examples` what they
    are.

    Args:
        batch_size: examples an optimiser step, over all slices.
        first: number of the first batch; a resumed run starts where it stopped.
        rank: of this device.
        devices: number of devices.
        accumulate: slices that a device takes one after the other before the optimiser steps.
        device: that batches are made on; None is the CPU.
    """

    def __init__(
        self,
        batch_size: int,
        *,
        first: int = 0,
        rank: int = 0,
        devices: int = 1,
        accumulate: int = 1,
        device: torch.device | None = None,
    ) -> None:
        self.batch_size, self.first, self.device = batch_size, first, device
        self.rank, self.devices, self.accumulate = rank, devices, accumulate

    @abstractmethod
    def examples(self, step: int, rows: slice) -> Any:
        """Some rows of the batch of an optimiser step: a pure function of the arguments."""

    def batch(self, number: int) -> Any:
        """Batch `number` of this device, a slice of the batch of its optimiser step."""
        step, turn = divmod(number, self.accumulate)
        size = self.batch_size // (self.devices * self.accumulate)
        start = (turn * self.devices + self.rank) * size
        return self.examples(step, slice(start, start + size))

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        # The loader asks its workers in turn: worker w of n draws batches w, w + n, w + 2n, ...
        offset, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        return map(self.batch, itertools.count(self.first + offset, stride))


class TrainingLoader(DataLoader[Any]):
    """Begin each pass with the batch that the training has come to, also after a checkpoint.

    Args:
        batches: of this device.
        first: gives the number of the batch to begin with.
        num_workers: processes that draw batches.
    """

    def __init__(self, batches: CountedBatches, first: Callable[[], int], num_workers: int):
        # Or else a loader draws a seed for its workers from the random numbers of the training, at
        # the beginning of each epoch, and not where a run goes on from there.
        own = torch.Generator()
        super().__init__(batches, batch_size=None, num_workers=num_workers, generator=own)
        self.batches, self.first = batches, first

    def __iter__(self) -> Any:
        self.batches.first = self.first()
        # Without workers, a DataLoader would only add to the cost of each step.
        return super().__iter__() if self.num_workers else iter(self.batches)


class CountedData(LightningDataModule, ABC):
    """A data module of counted batches, which knows its place among the devices.

    A subclass sets `num_classes`, `batch_size`, `training_seed` and `num_workers`, and says in
    `training_batches` what is drawn.
    """

    # What the batches hold; a model that reads anything else is refused.
    gives: ClassVar[str]
    # Settings that must be those of the training when a model is measured.
    kept_to_measure: ClassVar[tuple[str, ...]] = ()
    # What is counted a second, by name, and how many of them an example has.
    units: Mapping[str, int]
    # Of a curriculum, if there is one.
    stages: Stages | None = None

    num_classes: int
    batch_size: int
    training_seed: int | None
    num_workers: int

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes of what is drawn at once, by the settings that it is made of; empty if unknown."""
        return {}

    @property
    def seed(self) -> int:
        """Of the training batches."""
        if self.training_seed is not None:
            return self.training_seed
        # seed_everything leaves the run's seed here, for every process that the run starts.
        return int(os.environ.get("PL_GLOBAL_SEED", 0))

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """Nothing to do on a CPU, which Lightning would find out tensor by tensor."""
        if device.type == "cpu":
            return batch
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def setup(self, stage: str) -> None:
        if stage == "fit":
            check_shares(self.batch_size, self._devices, self._accumulate)

    @abstractmethod
    def training_batches(self, **place: Any) -> CountedBatches:
        """The training batches of a device: `place` is its own, as `CountedBatches` takes it."""

    def train_dataloader(self) -> DataLoader[Any]:
        batches = self.training_batches(
            rank=self._rank,
            devices=self._devices,
            accumulate=self._accumulate,
            device=self._device,
        )
        return TrainingLoader(batches, self._next_batch, self.num_workers)

    def _next_batch(self) -> int:
        return self.trainer.global_step * self._accumulate if self.trainer else 0

    @property
    def _devices(self) -> int:
        return self.trainer.world_size if self.trainer else 1

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    @property
    def _device(self) -> torch.device | None:
        # Workers are forked, and can have nothing to do with a GPU.
        here = self.trainer is None or self.num_workers > 0
        return None if here else self.trainer.strategy.root_device

    @property
    def _accumulate(self) -> int:
        return self.trainer.accumulate_grad_batches if self.trainer else 1
