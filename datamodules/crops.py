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
            the model may carry its state over.
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


def count_crops(text: Tensor, length: int) -> int:
    """Crops that lie one after the other in a text: each needs the character that follows it."""
    return (len(text) - 1) // length


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


class Streams:
    """A text cut into equal streams, which are read side by side, crop after crop.

    Args:
        text: (N,), at least one crop a stream and one character more.
        length: characters a crop, T.
        streams: how many.
    """

    def __init__(self, text: Tensor, length: int, streams: int) -> None:
        self.text, self.length, self.streams = text, length, streams
        self.crops_per_stream = count_crops(text, length) // streams

    def crops(self, number: int, rows: slice, device: torch.device | None = None) -> CharacterBatch:
        """Crop `number` of the streams in `rows`, on a device; None is the CPU."""
        streams = torch.arange(self.streams)[rows]
        starts = (streams * self.crops_per_stream + number) * self.length
        return cut(self.text, starts, self.length, number > 0, device)


class ContiguousCrops(CountedBatches):
    """Endless passes over a text in `batch_size` streams; row b of every batch is of stream b.

    Args:
        text: (N,), at least batch_size * T + 1 characters.
        length: characters a crop, T.
        batch_size: streams, over all devices.
        place: first, rank, devices and device, as in `CountedBatches`.
    """

    def __init__(self, text: Tensor, length: int, batch_size: int, **place: Any) -> None:
        super().__init__(batch_size, **place)
        self.streams = Streams(text, length, batch_size)

    def examples(self, step: int, rows: slice) -> CharacterBatch:
        return self.streams.crops(step % self.streams.crops_per_stream, rows, self.device)


class ValidationCrops(IterableDataset[CharacterBatch]):
    """A device's share of one pass over a text; iterable, so that Lightning shares it no more.

    Read at random, a text is measured in crops on their own, `batch_size` at a time. Read on and
    on, it is measured in streams: as many as leave each stream the same number of crops, at most
    `batch_size`.

    Args:
        text: (N,), at least devices * T + 1 characters.
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

    @property
    def rows(self) -> int:
        """Crops or streams to share among the devices."""
        crops = count_crops(self.text, self.length)
        if not self.contiguous:
            return crops
        crops_per_stream = -(-crops // self.batch_size)
        return crops // crops_per_stream

    def __iter__(self) -> Iterator[CharacterBatch]:
        if self.contiguous:
            streams = Streams(self.text, self.length, self.rows)
            for number in range(streams.crops_per_stream):
                yield streams.crops(number, self.share)
        else:
            starts = torch.arange(self.rows)[self.share] * self.length
            for some in torch.split(starts, self.batch_size):
                yield cut(self.text, some, self.length)
