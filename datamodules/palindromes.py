"""Palindromes: remember the first digit of a sequence until its end.

A palindrome has T + 1 digits. The model reads the first T and predicts the last one, which is
the first one again ("Recurrent Neural Networks and Graph Neural Networks", 2019, section 1).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from datamodules.sharing import check_shares

Batch = tuple[Tensor, Tensor]

NUM_DIGITS = 10
# Each stream of batches has a key of its own, so that no two of them ever share a number.
TRAINING, VALIDATION, TEST = range(3)


def draw_palindromes(count: int, length: int, *, seed: int, stream: int, step: int) -> Batch:
    """Draw a batch of palindromes as a pure function of the arguments.

    The generator is counter-based (Philox: Salmon et al. 2011, "Parallel random numbers: as easy
    as 1, 2, 3"), so batch `step` costs the same whether or not those before it were drawn.

    Args:
        count: number of palindromes, B.
        length: digits that the model reads, T.
        seed: from 0 to 2^64 - 1.
        stream: which sequence of batches: TRAINING, VALIDATION or TEST.
        step: number of the batch within the stream, from 0.

    Returns:
        digits (B, T) int64, each from 0 to 9, and target (B,) int64, the digit held out.
    """
    counter = np.array([0, 0, 0, step], dtype=np.uint64)
    key = np.array([seed, stream], dtype=np.uint64)
    generator = np.random.Generator(np.random.Philox(counter=counter, key=key))
    size = length + 1
    free = generator.integers(NUM_DIGITS, size=(count, (size + 1) // 2), dtype=np.uint8)
    mirrored = free[:, : size // 2][:, ::-1]
    palindromes = torch.from_numpy(np.concatenate([free, mirrored], axis=1)).long()
    return palindromes[:, :length], palindromes[:, length]


class TrainingBatches(IterableDataset[Batch]):
    """Endless training batches of one device, from batch `first` on.

    The batch of an optimiser step is drawn whole and cut into `devices * accumulate` slices, so
    that however many devices share it, they see the same palindromes together.

    Args:
        length: digits that the model reads, T.
        batch_size: palindromes an optimiser step, over all slices.
        seed: of the stream.
        first: number of the first batch; a resumed run starts where it stopped.
        rank: of this device.
        devices: number of devices.
        accumulate: slices that a device takes one after the other before the optimiser steps.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        *,
        first: int = 0,
        rank: int = 0,
        devices: int = 1,
        accumulate: int = 1,
    ) -> None:
        self.length, self.batch_size, self.seed, self.first = length, batch_size, seed, first
        self.rank, self.devices, self.accumulate = rank, devices, accumulate

    def batch(self, number: int) -> Batch:
        """Batch `number` of this device: digits (b, T), target (b,), b the size of a slice."""
        step, turn = divmod(number, self.accumulate)
        digits, target = draw_palindromes(
            self.batch_size, self.length, seed=self.seed, stream=TRAINING, step=step
        )
        size = self.batch_size // (self.devices * self.accumulate)
        start = (turn * self.devices + self.rank) * size
        return digits[start : start + size], target[start : start + size]

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        # The loader asks its workers in turn: worker w of n draws batches w, w + n, w + 2n, ...
        offset, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        return map(self.batch, itertools.count(self.first + offset, stride))


class TrainingLoader(DataLoader[Batch]):
    """Begin each pass with the batch that the training has come to, also after a checkpoint.

    Args:
        batches: of this device.
        first: gives the number of the batch to begin with.
        num_workers: processes that draw batches.
    """

    def __init__(self, batches: TrainingBatches, first: Callable[[], int], num_workers: int):
        super().__init__(batches, batch_size=None, num_workers=num_workers)
        self.batches, self.first = batches, first

    def __iter__(self) -> Any:
        self.batches.first = self.first()
        # Without workers, a DataLoader would only add to the cost of each step.
        return super().__iter__() if self.num_workers else iter(self.batches)


class FixedBatches(IterableDataset[Batch]):
    """A device's share of a fixed set, in batches; iterable, so that Lightning shares it no more.

    Args:
        digits: (N, T), target: (N,), as `draw_palindromes` returns them.
        batch_size: examples a batch, at most.
    """

    def __init__(self, digits: Tensor, target: Tensor, batch_size: int) -> None:
        self.batches = list(zip(digits.split(batch_size), target.split(batch_size), strict=True))

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)


class Palindromes(LightningDataModule):
    """Endless palindromes to train on, and fixed sets of them to validate and test on.

    A batch is `(digits (B, T) int64, target (B,) int64)`. The training batch of a step is a pure
    function of (seed, step), whatever the number of devices, accumulated batches and workers.

    Args:
        length: digits that the model reads, T, at least 2.
        batch_size: palindromes an optimiser step, over all devices and accumulated batches.
        evaluation_size: palindromes in the validation set, and in the test set.
        evaluation_seed: of these two sets, so that runs of every seed are measured on the same.
        training_seed: of the training batches; null takes the seed of the run.
        num_workers: processes that draw batches; drawing is so cheap that 0 is the fastest.

    Raises:
        ValueError: a value is out of its range.
        MisconfigurationException: a batch cannot be shared equally among the devices.
    """

    num_classes = NUM_DIGITS

    def __init__(
        self,
        length: int = 10,
        batch_size: int = 128,
        evaluation_size: int = 1280,
        evaluation_seed: int = 2019,
        training_seed: int | None = None,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("length", length, 2),
            ("batch_size", batch_size, 1),
            ("evaluation_size", evaluation_size, 1),
            ("evaluation_seed", evaluation_seed, 0),
            ("training_seed", training_seed or 0, 0),
            ("num_workers", num_workers, 0),
        ):
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        for name, seed in (("evaluation_seed", evaluation_seed), ("training_seed", training_seed)):
            if seed and seed >= 2**64:
                raise ValueError(f"{name} must be below 2^64, got {seed}")
        self.length, self.batch_size = length, batch_size
        self.evaluation_size, self.evaluation_seed = evaluation_size, evaluation_seed
        self.training_seed, self.num_workers = training_seed, num_workers

    def __str__(self) -> str:
        return f"palindromes, {self.length} digits read"

    @property
    def seed(self) -> int:
        """Of the training batches."""
        if self.training_seed is not None:
            return self.training_seed
        # seed_everything leaves the run's seed here, for every process that the run starts.
        return int(os.environ.get("PL_GLOBAL_SEED", 0))

    def setup(self, stage: str) -> None:
        if self.evaluation_size < self._devices:
            raise MisconfigurationException(
                f"data.evaluation_size {self.evaluation_size} leaves nothing to some of "
                f"{self._devices} devices: it must be at least {self._devices}"
            )
        if stage == "fit":
            check_shares(self.batch_size, self._devices, self._accumulate)

    def train_dataloader(self) -> DataLoader[Batch]:
        batches = TrainingBatches(
            self.length,
            self.batch_size,
            self.seed,
            rank=self._rank,
            devices=self._devices,
            accumulate=self._accumulate,
        )
        return TrainingLoader(batches, self._next_batch, self.num_workers)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader(VALIDATION)

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader(TEST)

    def _evaluation_loader(self, stream: int) -> DataLoader[Batch]:
        digits, target = draw_palindromes(
            self.evaluation_size, self.length, seed=self.evaluation_seed, stream=stream, step=0
        )
        share = slice(self._rank, None, self._devices)
        batches = FixedBatches(digits[share], target[share], self.batch_size)
        return DataLoader(batches, batch_size=None)

    def _next_batch(self) -> int:
        return self.trainer.global_step * self._accumulate if self.trainer else 0

    @property
    def _devices(self) -> int:
        return self.trainer.world_size if self.trainer else 1

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    @property
    def _accumulate(self) -> int:
        return self.trainer.accumulate_grad_batches if self.trainer else 1
