"""Text: characters as they follow each other, and that no device or worker changes them."""

from __future__ import annotations

import hashlib
import itertools
import os

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader, IterableDataset

from datamodules import Text
from datamodules.counted import sent
from datamodules.crops import CharacterBatch, RandomCrops, ValidationCrops, cut
from datamodules.text import encode
from tests.datamodules.places import first_batches, on_device

READINGS = ["random", "contiguous"]
# A stretch of 8 of these characters is found at one place only, so a crop says where it is from.
SYMBOLS = "abcdefghijklmnopqrstuvwxyzáãçéíõú“”—\n"
LONG = "".join(SYMBOLS[k] for k in np.random.default_rng(0).integers(len(SYMBOLS), size=3000))
TRAINED, VALIDATED = LONG[:2700], LONG[2700:]
LENGTH = 9


@pytest.fixture
def text_of(tmp_path):
    """Text on a corpus that has these characters."""

    def build(text=LONG, length=LENGTH, batch_size=8, **settings):
        path = tmp_path / "book.txt"
        path.write_text(text, encoding="utf-8", newline="")
        return Text(str(path), length, batch_size, **{"training_seed": 3, **settings})

    return build


def assert_same_batches(ones, others):
    assert len(ones) == len(others)
    for one, other in zip(ones, others, strict=True):
        assert torch.equal(one.characters, other.characters)
        assert torch.equal(one.next_characters, other.next_characters)
        assert one.continues is other.continues


def read(data, numbers):
    """Rows of numbers as strings."""
    return ["".join(data.vocabulary[k] for k in row) for row in numbers.tolist()]


def places(data, batch, text):
    """Where in a string the rows of a batch begin; each row must be there, and what follows it."""
    rows = zip(read(data, batch.characters), read(data, batch.next_characters), strict=True)
    found = []
    for row, following in rows:
        start = text.index(row)
        assert text.count(row) == 1
        assert following == text[start + 1 : start + 1 + len(row)]
        found.append(start)
    return found


# The text


@pytest.mark.parametrize(
    "text",
    [
        "Não há só “isto” — e aquilo…\n" * 9,
        "emoji 😀👩‍👩‍👧 and \U0010ffff" * 9,
        "e\u0301\u00e9o\u0303" * 30,
        "one two\n" * 30,
    ],
)
def test_characters_and_vocabulary(text, text_of):
    data = text_of(text, length=4, batch_size=2)
    assert data.vocabulary == "".join(sorted(set(text)))
    assert data.num_classes == len(set(text))
    whole = torch.cat([data.training_text, data.validation_text])
    assert read(data, whole[None]) == [text]
    assert whole.dtype == torch.uint8
    assert data.text_hash == hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_line_ends_are_of_one_kind(text_of):
    data = text_of("one\r\ntwo\rthree\n" * 20, length=4)
    assert "\r" not in data.vocabulary
    whole = torch.cat([data.training_text, data.validation_text])
    assert read(data, whole[None]) == ["one\ntwo\nthree\n" * 20]


@pytest.mark.parametrize(
    "symbols, kind",
    [
        (1, torch.uint8),
        (256, torch.uint8),
        (257, torch.int16),
        (2**15, torch.int16),
        (2**15 + 1, torch.int32),
    ],
)
def test_smallest_numbers_that_hold_the_vocabulary(symbols, kind):
    text = "".join(map(chr, range(0x10000, 0x10000 + symbols)))
    numbers, vocabulary = encode(text[::-1])
    assert numbers.dtype == kind and vocabulary == text
    assert torch.equal(numbers.long(), torch.arange(symbols).flip(0))


@pytest.mark.parametrize("text", ["a" * 500, "\r\n" * 500, "\u0301" * 500])
def test_a_vocabulary_of_one_character(text, text_of):
    with pytest.raises(ValueError, match=r"book\.txt has 1 symbol only: there is nothing to pred"):
        text_of(text)


@pytest.mark.parametrize(
    "fraction, trained", [(0.1, 2700), (0.5, 1500), (0.25, 2250), (0.05, 2850)]
)
def test_the_first_part_trains_and_the_rest_validates(fraction, trained, text_of):
    data = text_of(validation_fraction=fraction)
    assert read(data, data.training_text[None]) == [LONG[:trained]]
    assert read(data, data.validation_text[None]) == [LONG[trained:]]


def test_says_what_it_is(text_of):
    assert str(text_of()) == "book.txt, 2,700 + 300 characters, 37 symbols, crops of 9"
    assert str(Text()).startswith("python_docs, ")


# Training


@pytest.mark.parametrize("reading", READINGS)
def test_batches_are_of_the_training_part_and_shifted_by_one(reading, text_of):
    data = text_of(reading=reading)
    for batch in first_batches(data.train_dataloader(), 100):
        assert isinstance(batch, CharacterBatch)
        assert batch.characters.shape == batch.next_characters.shape == (8, LENGTH)
        assert batch.characters.dtype == batch.next_characters.dtype == torch.int64
        assert len(places(data, batch, TRAINED)) == 8


@pytest.mark.parametrize("reading", READINGS)
def test_batches_are_made_on_the_device_of_the_training(reading, text_of, monkeypatch):
    kinds = []

    def note(tensor, device):
        kinds.append(tensor.dtype)
        return sent(tensor, device)

    monkeypatch.setattr("datamodules.crops.sent", note)
    data = on_device(text_of(reading=reading), device="meta")
    for batch in first_batches(data.train_dataloader(), 2):
        assert batch.characters.device.type == batch.next_characters.device.type == "meta"
        assert batch.characters.dtype == batch.next_characters.dtype == torch.int64
        assert batch.characters.shape == (8, LENGTH)
    assert set(kinds) == {torch.uint8}


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_not_waited_for(reading, text_of):
    cpu, gpu = (on_device(text_of(reading=reading), device=device) for device in ("cpu", "cuda"))
    first_batches(gpu.train_dataloader(), 1)
    torch.cuda.set_sync_debug_mode("error")
    try:
        batches = first_batches(gpu.train_dataloader(), 5)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    copied = [
        CharacterBatch(batch.characters.cpu(), batch.next_characters.cpu(), batch.continues)
        for batch in batches
    ]
    assert_same_batches(copied, first_batches(cpu.train_dataloader(), 5))


def test_random_crops_never_continue(text_of):
    batches = first_batches(text_of().train_dataloader(), 50)
    assert [batch.continues for batch in batches] == [False] * 50


def test_random_crops_start_anywhere_with_the_same_chance():
    """Pearson's test on the 20 places where a crop of 5 may start among 25 characters."""
    crops = RandomCrops(torch.arange(25), 5, 50, seed=1)
    starts = torch.cat([batch.characters[:, 0] for batch in first_batches(crops, 400)])
    observed = torch.bincount(starts, minlength=20).double()
    assert len(observed) == 20
    # 43.82 is the 99.9 % quantile of chi-square with 19 degrees of freedom.
    assert ((observed - 1000) ** 2 / 1000).sum() < 43.82


def test_crops_differ_from_step_to_step_and_from_seed_to_seed(text_of):
    def starts(**settings):
        data = text_of(**settings)
        return [
            tuple(places(data, batch, TRAINED))
            for batch in first_batches(data.train_dataloader(), 20)
        ]

    assert len({*starts(), *starts(training_seed=4)}) == 40
    assert starts() == starts()


@pytest.mark.parametrize("step", [0, 1, 17, 2**32, 2**40])
def test_a_batch_is_a_function_of_seed_and_step(step, text_of):
    """As numpy's Philox draws it, whatever was drawn before."""
    data = on_device(text_of(training_seed=11), step=step)
    (batch,) = first_batches(data.train_dataloader(), 1)
    philox = np.random.Philox(
        counter=np.array([0, 0, 0, step], np.uint64), key=np.array([11, 0], np.uint64)
    )
    starts = np.random.Generator(philox).integers(len(TRAINED) - LENGTH, size=8)
    assert places(data, batch, TRAINED) == starts.tolist()


def test_training_seed_is_that_of_the_run_unless_given(text_of, monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    assert text_of(training_seed=None).seed == 5
    assert text_of(training_seed=0).seed == 0


# Streams


def test_streams_go_on_from_batch_to_batch(text_of):
    data = text_of(reading="contiguous")
    crops = (len(TRAINED) - 1) // LENGTH // 8
    batches = first_batches(data.train_dataloader(), 3 * crops)
    assert [batch.continues for batch in batches] == [k % crops > 0 for k in range(3 * crops)]
    for before, after in zip(batches, batches[1:], strict=False):
        if after.continues:
            assert torch.equal(before.next_characters[:, -1], after.characters[:, 0])
            ends = [start + LENGTH for start in places(data, before, TRAINED)]
            assert places(data, after, TRAINED) == ends


def test_streams_are_equal_parts_of_the_text(text_of):
    data = text_of(reading="contiguous")
    crops = (len(TRAINED) - 1) // LENGTH // 8
    batches = first_batches(data.train_dataloader(), crops)
    streams = [
        "".join(parts) for parts in zip(*(read(data, b.characters) for b in batches), strict=True)
    ]
    whole = "".join(streams)
    assert {len(stream) for stream in streams} == {crops * LENGTH}
    assert whole == TRAINED[: len(whole)]
    # Less than a crop a stream is left over.
    assert 0 < len(TRAINED) - len(whole) <= 8 * LENGTH
    assert_same_batches(
        batches, first_batches(on_device(data, step=crops).train_dataloader(), crops)
    )


def test_streams_of_one_crop_never_continue(text_of):
    data = text_of(LONG[:90], reading="contiguous", validation_fraction=0.15)
    assert 8 * LENGTH < len(data.training_text) < 16 * LENGTH
    assert not any(batch.continues for batch in first_batches(data.train_dataloader(), 4))


def test_streams_do_not_accumulate(text_of):
    data = on_device(text_of(reading="contiguous"), accumulate=2)
    with pytest.raises(MisconfigurationException) as caught:
        data.setup("fit")
    message = str(caught.value)
    assert message.startswith("data.reading contiguous") and "accumulate_grad_batches 2" in message
    assert "\n" not in message
    data.setup("validate")
    on_device(text_of(), accumulate=2).setup("fit")


# Devices, accumulated batches, workers, resuming


@pytest.mark.parametrize("reading, accumulate", [("random", 1), ("random", 2), ("contiguous", 1)])
@pytest.mark.parametrize("devices", [1, 2, 4])
def test_all_devices_together_see_the_batches_of_one(devices, reading, accumulate, text_of):
    by_rank = []
    for rank in range(devices):
        data = on_device(text_of(reading=reading), rank, devices, accumulate)
        data.setup("fit")
        by_rank.append(first_batches(data.train_dataloader(), 40 * accumulate))

    one = text_of(reading=reading)
    slices = [batches[turn] for turn in range(40 * accumulate) for batches in by_rank]
    assert all(len(part.characters) == 8 // (devices * accumulate) for part in slices)
    count = devices * accumulate
    together = [
        CharacterBatch(
            torch.cat([part.characters for part in parts]),
            torch.cat([part.next_characters for part in parts]),
            parts[0].continues,
        )
        for parts in (slices[k : k + count] for k in range(0, len(slices), count))
    ]
    assert_same_batches(together, first_batches(one.train_dataloader(), 40))


def test_each_device_keeps_its_streams(text_of):
    data = [on_device(text_of(reading="contiguous"), rank, 4) for rank in range(4)]
    crops = (len(TRAINED) - 1) // LENGTH // 8
    seen = [
        {
            start
            for batch in first_batches(one.train_dataloader(), crops)
            for start in places(one, batch, TRAINED)
        }
        for one in data
    ]
    for rank, starts in enumerate(seen):
        share = 2 * crops * LENGTH
        assert starts == set(range(rank * share, (rank + 1) * share, LENGTH))


# torch warns where there are more workers than cores, and Python of forking beside threads.
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("workers", [1, 3])
def test_workers_change_nothing(workers, reading, text_of):
    def batches(num_workers):
        data = on_device(text_of(reading=reading, num_workers=num_workers), 1, 2, step=30)
        return first_batches(data.train_dataloader(), 12)

    assert_same_batches(batches(workers), batches(0))
    assert {type(batch.continues) for batch in batches(workers)} == {bool}


@pytest.mark.parametrize("reading, accumulate", [("random", 1), ("random", 3), ("contiguous", 1)])
def test_a_resumed_run_reads_on(reading, accumulate, text_of):
    def batches(step, count):
        data = on_device(text_of(batch_size=6, reading=reading), 1, 2, accumulate, step)
        return first_batches(data.train_dataloader(), count * accumulate)

    whole = batches(0, 60)
    for step in (1, 7, 49, 50, 51):
        assert_same_batches(batches(step, 9), whole[step * accumulate : (step + 9) * accumulate])


def test_loaders_hand_over_whole_batches_that_lightning_does_not_share_again(text_of):
    data = text_of()
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        assert isinstance(loader, DataLoader) and loader.batch_size is None
        assert isinstance(loader.dataset, IterableDataset)


# Validation


@pytest.mark.parametrize("devices", [1, 2, 3, 5])
@pytest.mark.parametrize("reading", READINGS)
def test_validation_predicts_every_character_but_the_first_once(reading, devices):
    for size, length, batch_size in itertools.product(
        (2, 3, 37, 100, 101, 299), (1, 2, 9, 40, 100), (1, 3, 8, 64)
    ):
        shape = (torch.arange(size), length, batch_size, reading == "contiguous")
        if ValidationCrops(*shape).rows < devices:
            continue
        predicted = []
        for rank in range(devices):
            ends = torch.empty(0)
            for batch in ValidationCrops(*shape, rank, devices):
                rows, width = batch.characters.shape
                assert 1 <= rows <= batch_size and 1 <= width <= length
                assert torch.equal(batch.next_characters, batch.characters + 1)
                assert not batch.continues or torch.equal(batch.characters[:, 0], ends[:rows])
                ends = batch.next_characters[:, -1]
                predicted += batch.next_characters.flatten().tolist()
        assert sorted(predicted) == list(range(1, size))


@pytest.mark.parametrize("reading", READINGS)
def test_validation_is_of_its_part(reading, text_of):
    data = text_of(reading=reading)
    data.setup("validate")
    batches = list(data.val_dataloader())
    predicted = (row for batch in batches for row in read(data, batch.next_characters))
    assert sorted("".join(predicted)) == sorted(VALIDATED[1:])
    assert_same_batches(list(data.val_dataloader()), list(data.test_dataloader()))


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_validation_streams_go_on(devices, text_of):
    for rank in range(devices):
        data = on_device(text_of(reading="contiguous"), rank, devices)
        batches = list(data.val_dataloader())
        # 299 characters to predict in 8 streams: three of 38, then five of 37.
        ended = len(range(3)[rank::devices]) == 0
        assert [batch.continues for batch in batches] == [False] + [True] * (5 - ended)
        assert [batch.characters.shape[1] for batch in batches] == [9, 9, 9, 9, 1, 1][: 6 - ended]
        first = batches[0].characters
        starts = [0, 38, 76, 114, 151, 188, 225, 262][rank::devices]
        assert read(data, first) == [VALIDATED[start : start + LENGTH] for start in starts]


def test_validation_at_random_never_continues(text_of):
    assert not any(batch.continues for batch in text_of().val_dataloader())


def test_validation_is_the_same_whatever_trains(text_of):
    one, other = text_of(), on_device(text_of(training_seed=9), accumulate=4, step=100)
    assert_same_batches(list(one.val_dataloader()), list(other.val_dataloader()))


@pytest.mark.parametrize("reading", READINGS)
def test_more_devices_than_there_is_to_measure(reading, text_of):
    text = TRAINED + VALIDATED[:28]
    settings = {"reading": reading, "validation_fraction": 28 / len(text)}
    on_device(text_of(text, **settings), 2, 3).setup("validate")
    with pytest.raises(MisconfigurationException, match="it has 3 (crops|streams) to") as caught:
        on_device(text_of(text, **settings), 3, 4).setup("validate")
    assert "4 devices" in str(caught.value) and "\n" not in str(caught.value)


# The checkpoint


def test_state_is_of_plain_types(text_of):
    play = LONG + "\nHAMLET. Ay." * 3
    data = text_of(play)
    state = data.state_dict()
    assert state == {
        "vocabulary": data.vocabulary,
        "text_hash": data.text_hash,
        "corpus": data.corpus,
        "speakers": ["HAMLET."],
        "after_cue": " ",
    }
    text_of(play, length=20).load_state_dict(state)


def test_another_text_than_that_of_the_checkpoint(text_of):
    state = text_of().state_dict()
    data = text_of(LONG[1:] + LONG[0])
    assert data.vocabulary == state["vocabulary"]
    with pytest.raises(MisconfigurationException) as caught:
        data.load_state_dict(state)
    message = str(caught.value)
    assert "another text" in message and "\n" not in message
    assert data.text_hash[:12] in message and state["text_hash"][:12] in message


class Watcher(LightningModule):
    """Notes what it is given, and learns nothing."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.trained, self.validated = [], []

    def training_step(self, batch, _):
        self.trained.append(batch)
        return self.weight * 1.0

    def validation_step(self, batch, _):
        self.validated.append(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


# Lightning would have workers, and calls torch by names that torch has given up.
@pytest.mark.filterwarnings("ignore:.*does not have many workers.*")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*")
@pytest.mark.parametrize("reading", READINGS)
def test_a_trainer_takes_it_and_goes_on_after_a_checkpoint(reading, text_of, tmp_path):
    def fit(steps, ckpt_path=None):
        model, data = Watcher(), text_of(reading=reading)
        trainer = Trainer(
            max_steps=steps,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=1,
        )
        trainer.fit(model, data, ckpt_path=ckpt_path)
        trainer.save_checkpoint(tmp_path / "end.ckpt")
        return model

    whole = fit(12)
    assert len(whole.validated) == 1 and isinstance(whole.trained[0], CharacterBatch)
    fit(5)
    saved = torch.load(tmp_path / "end.ckpt", weights_only=True)
    assert saved["Text"] == text_of().state_dict()
    assert_same_batches(fit(12, tmp_path / "end.ckpt").trained, whole.trained[5:])


# What cannot be


@pytest.mark.parametrize(
    "name, least", [("length", 1), ("batch_size", 1), ("training_seed", 0), ("num_workers", 0)]
)
def test_values_out_of_range(name, least, text_of):
    text_of(**{name: least})
    for value in (least - 1, -100):
        with pytest.raises(ValueError, match=f"^{name} must be at least {least}, got {value}$"):
            text_of(**{name: value})


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_fractions_that_leave_a_part_empty(fraction, text_of):
    with pytest.raises(ValueError, match=f"^validation_fraction must be .*, got {fraction}$"):
        text_of(validation_fraction=fraction)


def test_other_wrong_values(text_of):
    text_of(training_seed=2**64 - 1)
    with pytest.raises(ValueError, match="^training_seed must be below 2"):
        text_of(training_seed=2**64)
    with pytest.raises(ValueError, match="^reading must be random or contiguous, got 'both'$"):
        text_of(reading="both")
    with pytest.raises(MisconfigurationException, match="batch_size 8 .* multiple of 3"):
        on_device(text_of(), 0, 3).setup("fit")


@pytest.mark.parametrize(
    "size, settings, complaint",
    [
        (1, {}, "its training part has 0 characters, and a crop of 9 needs 10$"),
        (
            18,
            {"validation_fraction": 0.5},
            "training part has 9 characters, and a crop of 9 needs 10$",
        ),
        (99, {}, None),
        (90, {}, "its validation part has 9 characters, and a crop of 9 needs 10$"),
        (
            200,
            {"reading": "contiguous", "batch_size": 20},
            "has 180 characters, and 20 crops of 9 need 181$",
        ),
        (202, {"reading": "contiguous", "batch_size": 20}, None),
    ],
)
def test_texts_that_are_too_short(size, settings, complaint, text_of):
    if complaint is None:
        data = text_of(LONG[:size], **settings)
        assert len(first_batches(data.train_dataloader(), 2)) == 2 and list(data.val_dataloader())
    else:
        with pytest.raises(ValueError, match=rf"book.txt is too short: .*{complaint}") as caught:
            text_of(LONG[:size], **settings)
        assert "\n" not in str(caught.value)


def test_the_last_crop_of_a_text_is_whole():
    text = torch.arange(20, dtype=torch.uint8)
    batch = cut(text, torch.tensor([10]), 9)
    assert batch.characters.tolist() == [list(range(10, 19))]
    assert batch.next_characters.tolist() == [list(range(11, 20))]
    with pytest.raises(IndexError):
        cut(text, torch.tensor([11]), 9)


@pytest.mark.skipif(not os.environ.get("DATA_ROOT"), reason="the real texts are at DATA_ROOT")
@pytest.mark.parametrize(
    "name, said",
    [
        ("tiny_shakespeare", "1,003,854 + 111,540 characters, 65 symbols"),
        ("shakespeare", "5,096,443 + 566,272 characters, 93 symbols"),
        ("monte_cristo", "2,364,538 + 262,727 characters, 130 symbols"),
        ("machado_de_assis", "2,788,595 + 309,844 characters, 124 symbols"),
    ],
)
def test_real_texts(name, said):
    assert str(Text(name)) == f"{name}, {said}, crops of 140"
