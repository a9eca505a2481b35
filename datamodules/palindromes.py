"""Palindromes: remember the first digit of a sequence until its end.

A palindrome has T + 1 digits. The model reads the first T and predicts the last one, which is
the first one again ("Recurrent Neural Networks and Graph Neural Networks", 2019, section 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from datamodules.counted import (
    TEST,
    TRAINING,
    VALIDATION,
    CountedBatches,
    CountedData,
    check_least,
    check_seeds,
    random_numbers,
    sent,
)
from datamodules.curriculum import Curriculum, Stages

Batch = tuple[Tensor, Tensor]

NUM_DIGITS = 10


def draw_palindromes(
    count: int,
    length: int,
    *,
    seed: int,
    stream: int,
    step: int,
    rows: slice = slice(None),
    device: torch.device | None = None,
) -> Batch:
    """Draw a batch of palindromes as a pure function of the arguments.

    Args:
        count: number of palindromes, B.
        length: digits that the model reads, T.
        seed: from 0 to 2^64 - 1.
        stream: which sequence of batches: TRAINING, VALIDATION or TEST.
        step: number of the batch within the stream, from 0.
        rows: of these B, the b that are wanted.
        device: that the batch is made on; None is the CPU.

    Returns:
        digits (b, T) int64, each from 0 to 9, and target (b,) int64, the digit held out.
    """
    size = length + 1
    free = random_numbers(seed, stream, step).integers(
        NUM_DIGITS, size=(count, (size + 1) // 2), dtype=np.uint8
    )[rows]
    # As bytes, they are mirrored here in less time than it takes to ask a GPU for it.
    mirrored = free[:, : size // 2][:, ::-1]
    palindromes = torch.from_numpy(np.concatenate([free, mirrored], axis=1))
    palindromes = sent(palindromes, device).long()
    return palindromes[:, :length], palindromes[:, length]


class TrainingBatches(CountedBatches):
    """Endless palindromes to train on; a batch is digits (b, T), target (b,), b a slice's size.

    Args:
        length: digits that the model reads, T.
        batch_size: palindromes an optimiser step, over all devices and accumulated batches.
        seed: of the stream.
        stages: of a curriculum, say the length at a step in place of `length`.
        place: first, rank, devices, accumulate and device, as in `CountedBatches`.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        stages: Stages | None = None,
        **place: Any,
    ) -> None:
        super().__init__(batch_size, **place)
        self.length, self.seed, self.stages = length, seed, stages

    def examples(self, step: int, rows: slice) -> Batch:
        length = self.stages.length_at(step) if self.stages else self.length
        return draw_palindromes(
            self.batch_size,
            length,
            seed=self.seed,
            stream=TRAINING,
            step=step,
            rows=rows,
            device=self.device,
        )


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


class Palindromes(CountedData):
    """Endless palindromes to train on, and fixed sets of them to validate and test on.

    A batch is `(digits (B, T) int64, target (B,) int64)`. The training batch of a step is a pure
    function of (seed, step), whatever the number of devices, accumulated batches and workers; under
    a curriculum, of the stage too.

    Args:
        length: digits that the model reads, T, at least 2.
        batch_size: palindromes an optimiser step, over all devices and accumulated batches.
        evaluation_size: palindromes in the validation set, and in the test set.
        evaluation_seed: of these two sets, so that runs of every seed are measured on the same.
        training_seed: of the training batches; null takes the seed of the run.
        num_workers: processes that draw batches; drawing is so cheap that 0 is the fastest.
        curriculum: leads to this length from shorter ones; null trains at it from the start.

    Raises:
        ValueError: a value is out of its range.
        MisconfigurationException: a batch cannot be shared equally among the devices.
    """

    gives = "digits"
    units = {"examples": 1}
    num_classes = NUM_DIGITS

    def __init__(
        self,
        length: int = 10,
        batch_size: int = 128,
        evaluation_size: int = 1280,
        evaluation_seed: int = 2019,
        training_seed: int | None = None,
        num_workers: int = 0,
        curriculum: Curriculum | None = None,
    ) -> None:
        super().__init__()
        check_least(
            length=(length, 2),
            batch_size=(batch_size, 1),
            evaluation_size=(evaluation_size, 1),
            num_workers=(num_workers, 0),
        )
        check_seeds(evaluation_seed=evaluation_seed, training_seed=training_seed)
        self.length, self.batch_size = length, batch_size
        self.evaluation_size, self.evaluation_seed = evaluation_size, evaluation_seed
        self.training_seed, self.num_workers = training_seed, num_workers
        if curriculum and num_workers:
            raise ValueError(
                "num_workers must be 0 where there is a curriculum: it knows no more than one step "
                f"ahead what is to be drawn, got {num_workers}"
            )
        self.stages = Stages(curriculum, length) if curriculum else None

    @property
    def sizes(self) -> dict[str, int]:
        of_one = 8 * (self.length + 1)
        return {
            f"data.{name} {count} x data.length {self.length}": count * of_one
            for name, count in (
                ("batch_size", self.batch_size),
                ("evaluation_size", self.evaluation_size),
            )
        }

    def __str__(self) -> str:
        return f"palindromes, {self.length} digits read"

    def state_dict(self) -> dict[str, Any]:
        return {"stages": self.stages.state_dict()} if self.stages else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.stages:
            self.stages.load_state_dict(state_dict["stages"])

    def at_length(self, length: int) -> Palindromes:
        """The same sets to validate and test on, of palindromes of another length.

        Raises:
            ValueError: the length is below 2.
            MemoryError: there is less memory than such a set takes.
        """
        data = Palindromes(
            length=length,
            batch_size=self.batch_size,
            evaluation_size=self.evaluation_size,
            evaluation_seed=self.evaluation_seed,
        )
        # Drawing it would find out too late: memory that is not written to costs nothing.
        np.empty((self.evaluation_size, length + 1), dtype=np.int64)
        return data

    def setup(self, stage: str) -> None:
        if self.evaluation_size < self._devices:
            raise MisconfigurationException(
                f"data.evaluation_size {self.evaluation_size} leaves nothing to some of "
                f"{self._devices} devices: it must be at least {self._devices}"
            )
        if stage == "fit" and self.stages and self.stages.curriculum.start > self.length:
            raise MisconfigurationException(
                f"data.curriculum.start must be at most data.length, {self.length}, "
                f"got {self.stages.curriculum.start}"
            )
        super().setup(stage)

    def training_batches(self, **place: Any) -> TrainingBatches:
        return TrainingBatches(self.length, self.batch_size, self.seed, self.stages, **place)

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
