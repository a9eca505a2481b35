"""Crops of a text: at random, or as streams that go on from batch to batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from datamodules.counted import TRAINING, CountedBatches, random_numbers, sent


class CharacterBatch(NamedTuple):
    """Crops of a text, each character as its number in the vocabulary.

    Args:
        characters: (B, T) int64, what the model reads.
        next_characters: (B, T) int64, what follows each of them.
        continues: whether every row goes on where the same row of the batch before ended, so that
            the model may carry its state over. The last rows of the batch before may have ended.
    """

    characters: Tensor
    next_characters: Tensor
    continues: bool


def cut(
    text: Tensor,
    starts: Tensor,
    length: int,
    continues: bool = False,
    device: torch.device | None = None,
) -> CharacterBatch:
    """Cut crops out of a text, all at once.

    Args:
        text: (N,) of any integer type.
        starts: (B,) int64, positions of the first characters, at most N - T - 1.
        length: characters that the model reads, T.
        continues: as in `CharacterBatch`.
        device: that the batch is made on; None is the CPU.
    """
    crops = sent(text.unfold(0, length + 1, 1)[starts], device).long()
    return CharacterBatch(crops[:, :-1], crops[:, 1:], continues)


class RandomCrops(CountedBatches):
    """Endless crops from anywhere in a text.

    Args:
        text: (N,), more than T characters.
        length: characters a crop, T.
        batch_size: crops an optimiser step, over all devices and accumulated batches.
        seed: of the stream.
        place: first, rank, devices, accumulate and device, as in `CountedBatches`.
    """

    def __init__(self, text: Tensor, length: int, batch_size: int, seed: int, **place: Any) -> None:
        super().__init__(batch_size, **place)
        self.text, self.length, self.seed = text, length, seed

    def examples(self, step: int, rows: slice) -> CharacterBatch:
        positions = len(self.text) - self.length
        numbers = random_numbers(self.seed, TRAINING, step)
        starts = torch.from_numpy(numbers.integers(positions, size=self.batch_size))
        return cut(self.text, starts[rows], self.length, device=self.device)


class ContiguousCrops(CountedBatches):
    """Endless passes over a text in `batch_size` equal streams, which are read side by side.

    Row b of every batch is of stream b. What is left over at the end of the text, less than a crop
    a stream, is not read.

    Args:
        text: (N,), at least batch_size * T + 1 characters.
        length: characters a crop, T.
        batch_size: streams, over all devices.
        place: first, rank, devices and device, as in `CountedBatches`.
    """

    def __init__(self, text: Tensor, length: int, batch_size: int, **place: Any) -> None:
        super().__init__(batch_size, **place)
        self.text, self.length = text, length
        # Each crop needs the character that follows it.
        self.crops_per_stream = (len(text) - 1) // length // batch_size

    def examples(self, step: int, rows: slice) -> CharacterBatch:
        number = step % self.crops_per_stream
        streams = torch.arange(self.batch_size)[rows]
        starts = (streams * self.crops_per_stream + number) * self.length
        return cut(self.text, starts, self.length, number > 0, self.device)


class ValidationCrops(IterableDataset[CharacterBatch]):
    """A device's share of one pass over a text; iterable, so that Lightning shares it no more.

    Every character but the first, which nothing precedes, is predicted exactly once, whatever the
    reading, the crop, the batch and the number of devices. Read at random, a text is measured in
    crops on their own, `batch_size` at a time; the last one is shorter where the text ends. Read on
    and on, it is measured in streams whose lengths differ by a character at most: where the
    shorter ones have ended, the last batch has only the first rows.

    Args:
        text: (N,), at least two characters.
        length: characters a crop, T.
        batch_size: crops or streams a batch, at most.
        contiguous: whether the text is read on and on.
        rank: of this device.
        devices: number of devices.
    """

    def __init__(
        self,
        text: Tensor,
        length: int,
        batch_size: int,
        contiguous: bool,
        rank: int = 0,
        devices: int = 1,
    ) -> None:
        self.text, self.length, self.batch_size = text, length, batch_size
        self.contiguous, self.share = contiguous, slice(rank, None, devices)
        self.predicted = len(text) - 1

    @property
    def rows(self) -> int:
        """Crops or streams to share among the devices."""
        crops = -(-self.predicted // self.length)
        return min(crops, self.batch_size) if self.contiguous else crops

    def __iter__(self) -> Iterator[CharacterBatch]:
        return self._streams() if self.contiguous else self._crops()

    def _crops(self) -> Iterator[CharacterBatch]:
        starts = torch.arange(self.rows)[self.share] * self.length
        whole = starts[starts + self.length <= self.predicted]
        for first in range(0, len(whole), self.batch_size):
            yield cut(self.text, whole[first : first + self.batch_size], self.length)
        if len(starts) > len(whole):
            yield cut(self.text, starts[-1:], self.predicted % self.length)

    def _streams(self) -> Iterator[CharacterBatch]:
        shortest, longer = divmod(self.predicted, self.rows)
        numbers = torch.arange(self.rows)[self.share]
        starts = numbers * shortest + numbers.clamp(max=longer)
        for read in range(0, shortest, self.length):
            yield cut(self.text, starts + read, min(self.length, shortest - read), read > 0)
        if len(going_on := starts[numbers < longer]):
            yield cut(self.text, going_on + shortest, 1, continues=True)
