"""Text: read characters, and predict the next one at every position."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.corpora import read_corpus
from datamodules.counted import CountedBatches, CountedData, check_least, check_seeds
from datamodules.crops import CharacterBatch, ContiguousCrops, RandomCrops, ValidationCrops
from datamodules.speakers import find_after_cue, find_speakers


def encode(text: str) -> tuple[Tensor, str]:
    """A text in numbers as small as they can be, and the vocabulary that they count.

    Args:
        text: N characters, at least one.

    Returns:
        numbers (N,), uint8 of up to 256 symbols, else int16 or int32, and the vocabulary: each
        symbol once, in the order of code points.
    """
    code_points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    used = np.zeros(int(code_points.max()) + 1, dtype=bool)
    used[code_points] = True
    symbols = np.flatnonzero(used)
    small = next(kind for kind in (np.uint8, np.int16, np.int32) if _fits(len(symbols), kind))
    number_of = np.zeros(len(used), dtype=small)
    number_of[symbols] = np.arange(len(symbols))
    return torch.from_numpy(number_of[code_points]), "".join(map(chr, symbols))


def _fits(count: int, kind: type[np.integer[Any]]) -> bool:
    return count - 1 <= np.iinfo(kind).max


class Text(CountedData):
    """Characters to train on: most of a text, and to validate on: the rest of it.

    A batch is a `CharacterBatch`: characters (B, T) int64, next_characters (B, T) int64, and
    continues, whether its rows go on where those of the batch before ended. The training batch of
    a step is a pure function of (seed, step), whatever the number of devices and workers. Read
    contiguously, the training part is cut into `batch_size` equal streams, each step reads the
    next crop of all, and only the first step of a pass does not continue.

    Of the validation part every character but the first is predicted exactly once, so that losses
    are over the same characters whatever the reading, the crop and the batch. There is no third
    part: a test measures on the validation part.

    Args:
        corpus: shakespeare, tiny_shakespeare, monte_cristo, machado_de_assis, python_docs (comes
            with Python, another one with each version), or the path to a text file in UTF-8.
        length: characters a crop, T.
        batch_size: crops an optimiser step, over all devices and accumulated batches.
        reading: random crops, or contiguous ones, so that the model may carry its state over.
        validation_fraction: of the characters, at the end of the text; above 0 and below 1.
        training_seed: of the random crops; null takes the seed of the run.
        num_workers: processes that cut batches; cutting is so cheap that 0 is the fastest.

    Attributes:
        num_classes: symbols in the vocabulary.
        vocabulary: each symbol of the whole text once, in the order of code points.
        text_hash: SHA-256 of the whole text in UTF-8, in hexadecimal.
        speakers: the cues that the text uses most, as `find_speakers` returns them.
        after_cue: what mostly follows them, as `find_after_cue` returns it.

    Raises:
        ValueError: a value is out of its range, the corpus cannot be read, or is too short.
        MisconfigurationException: a batch cannot be shared equally among the devices, or the
            text is not the one of the checkpoint.
    """

    gives = "characters"

    def __init__(
        self,
        corpus: str = "python_docs",
        length: int = 140,
        batch_size: int = 64,
        reading: Literal["random", "contiguous"] = "random",
        validation_fraction: float = 0.1,
        training_seed: int | None = None,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        check_least(length=(length, 1), batch_size=(batch_size, 1), num_workers=(num_workers, 0))
        check_seeds(training_seed=training_seed)
        if reading not in ("random", "contiguous"):
            raise ValueError(f"reading must be random or contiguous, got {reading!r}")
        if not 0 < validation_fraction < 1:
            raise ValueError(
                f"validation_fraction must be above 0 and below 1, got {validation_fraction}"
            )
        self.corpus, self.length, self.batch_size = corpus, length, batch_size
        self.reading, self.validation_fraction = reading, validation_fraction
        self.training_seed, self.num_workers = training_seed, num_workers
        self.units = {"examples": 1, "characters": length}

        text = read_corpus(corpus)
        numbers, self.vocabulary = encode(text)
        self.num_classes = len(self.vocabulary)
        self.text_hash = hashlib.sha256(text.encode()).hexdigest()
        self.speakers = find_speakers(text)
        self.after_cue = find_after_cue(text, self.speakers)
        split = int(len(numbers) * (1 - validation_fraction))
        self.training_text, self.validation_text = numbers[:split], numbers[split:]
        self._check_size()
        if self.num_classes == 1:
            raise ValueError(f"{corpus} has 1 symbol only: there is nothing to predict")

    @property
    def sizes(self) -> dict[str, int]:
        what = f"data.batch_size {self.batch_size} x data.length {self.length}"
        # The characters, and those that come next.
        return {what: 2 * 8 * self.batch_size * self.length}

    def __str__(self) -> str:
        name = Path(self.corpus).name
        parts = f"{len(self.training_text):,} + {len(self.validation_text):,} characters"
        return f"{name}, {parts}, {self.num_classes:,} symbols, crops of {self.length}"

    @property
    def _contiguous(self) -> bool:
        return self.reading == "contiguous"

    def _check_size(self) -> None:
        streams = self.batch_size if self._contiguous else 1
        for part, text, crops in (
            ("training", self.training_text, streams),
            ("validation", self.validation_text, 1),
        ):
            needed = crops * self.length + 1
            if len(text) < needed:
                count = f"{crops} crops of {self.length:,} need"
                if crops == 1:
                    count = f"a crop of {self.length:,} needs"
                raise ValueError(
                    f"{self.corpus} is too short: its {part} part has {len(text):,} characters, "
                    f"and {count} {needed:,}"
                )

    def setup(self, stage: str) -> None:
        if stage == "fit" and self._contiguous and self._accumulate > 1:
            raise MisconfigurationException(
                f"data.reading contiguous does not go with trainer.accumulate_grad_batches "
                f"{self._accumulate}: batches that are accumulated are different streams, so none "
                f"would continue the one before; use a smaller data.batch_size without it"
            )
        super().setup(stage)
        rows = self._validation_crops().rows
        if rows < self._devices:
            raise MisconfigurationException(
                f"the validation part of {self.corpus} leaves nothing to some of {self._devices} "
                f"devices: it has {rows} {'streams' if self._contiguous else 'crops'} to share"
            )

    def training_batches(self, **place: Any) -> CountedBatches:
        if self._contiguous:
            return ContiguousCrops(self.training_text, self.length, self.batch_size, **place)
        return RandomCrops(self.training_text, self.length, self.batch_size, self.seed, **place)

    def val_dataloader(self) -> DataLoader[CharacterBatch]:
        crops = self._validation_crops(rank=self._rank, devices=self._devices)
        return DataLoader(crops, batch_size=None)

    def test_dataloader(self) -> DataLoader[CharacterBatch]:
        return self.val_dataloader()

    def _validation_crops(self, **place: int) -> ValidationCrops:
        return ValidationCrops(
            self.validation_text, self.length, self.batch_size, self._contiguous, **place
        )

    def state_dict(self) -> dict[str, Any]:
        """What a model needs to write without the text, and what tells the text from others."""
        return {
            "vocabulary": self.vocabulary,
            "text_hash": self.text_hash,
            "corpus": self.corpus,
            "speakers": self.speakers,
            "after_cue": self.after_cue,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if state_dict["text_hash"] != self.text_hash:
            raise MisconfigurationException(
                f"data.corpus {self.corpus} is another text than the checkpoint was trained on, "
                f"{state_dict['corpus']}: SHA-256 {self.text_hash[:12]}... instead of "
                f"{state_dict['text_hash'][:12]}..."
            )
