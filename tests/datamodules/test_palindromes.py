"""Palindromes: what is drawn, and that neither devices, workers nor resuming change it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader, IterableDataset

from datamodules.counted import sent
from datamodules.palindromes import (
    TEST,
    TRAINING,
    VALIDATION,
    FixedBatches,
    Palindromes,
    TrainingBatches,
    draw_palindromes,
)
from tests.datamodules.places import first_batches, on_device

STREAMS = [TRAINING, VALIDATION, TEST]
# So long that no palindrome is ever drawn twice: 21 free digits.
LONG = 40

in_64_bits = st.integers(0, 2**64 - 1)


def assert_same_batches(ones, others):
    assert len(ones) == len(others)
    for one, other in zip(ones, others, strict=True):
        assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])


def rows(batches):
    """The palindromes of some batches, in order."""
    return [tuple(row) for digits, _ in batches for row in digits.tolist()]


# What is drawn


@pytest.mark.parametrize("length", [*range(2, 13), 300])
@given(count=st.integers(1, 20), seed=in_64_bits, stream=st.sampled_from(STREAMS), step=in_64_bits)
@settings(max_examples=20, derandomize=True, deadline=None)
def test_palindromes_with_the_last_digit_held_out(length, count, seed, stream, step):
    digits, target = draw_palindromes(count, length, seed=seed, stream=stream, step=step)
    assert digits.shape == (count, length) and target.shape == (count,)
    assert digits.dtype == target.dtype == torch.int64
    whole = torch.cat([digits, target[:, None]], dim=1)
    assert torch.equal(whole, whole.flip(1))
    assert whole.min() >= 0 and whole.max() <= 9


# The 99.9 % quantiles of chi-square with so many degrees of freedom.
CHI_SQUARE = {9: 27.88, 99: 148.23}


def assert_uniform(values, count):
    """Pearson's test of whether values from 0 to count - 1 are all as likely."""
    observed = torch.bincount(values.flatten(), minlength=count).double()
    expected = values.numel() / count
    assert ((observed - expected) ** 2 / expected).sum() < CHI_SQUARE[count - 1]


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("length", [7, 8])
def test_digits_are_uniform_and_independent(length, stream):
    digits, target = draw_palindromes(20_000, length, seed=1, stream=stream, step=0)
    free = digits[:, : (length + 2) // 2].unbind(dim=1)
    assert_uniform(torch.stack(free), 10)
    assert_uniform(target, 10)
    for number, position in enumerate(free):
        assert_uniform(position, 10)
        for other in free[:number]:
            assert_uniform(10 * position + other, 100)


@pytest.mark.parametrize("counted", ["steps", "seeds"])
def test_digits_are_uniform_and_independent_from_batch_to_batch(counted):
    numbers = [
        {"seed": 1, "step": n} if counted == "steps" else {"seed": n, "step": 0}
        for n in range(5_000)
    ]
    targets = torch.cat([draw_palindromes(2, 3, stream=TRAINING, **n)[1] for n in numbers])
    assert_uniform(targets, 10)
    assert_uniform(10 * targets[:-2] + targets[2:], 100)


# No number is shared


def test_no_numbers_are_ever_drawn_twice():
    """Not even in part: 16 free digits in a row are never seen again, wherever a row begins."""
    seen = []
    for seed in (0, 1, 2, 2**32, 2**64 - 1):
        for stream in STREAMS:
            for step in (0, 1, 2, 3, 2**32, 2**32 + 1, 2**63, 2**64 - 1):
                digits, _ = draw_palindromes(20, LONG, seed=seed, stream=stream, step=step)
                free = bytes(digits[:, : (LONG + 2) // 2].flatten().tolist())
                seen += [free[k : k + 16] for k in range(len(free) - 15)]
    assert len(set(seen)) == len(seen) == 5 * 3 * 8 * (20 * 21 - 15)


@pytest.mark.parametrize("step", [2**32 - 1, 2**32, 2**40])
def test_a_run_of_more_than_four_billion_steps(step):
    batches = first_batches(TrainingBatches(LONG, 4, 0, first=step), 3)
    expected = [draw_palindromes(4, LONG, seed=0, stream=TRAINING, step=step + k) for k in range(3)]
    assert_same_batches(batches, expected)
    wrapped = TrainingBatches(LONG, 4, 0, first=step % 2**32)
    assert step < 2**32 or not set(rows(batches)) & set(rows(first_batches(wrapped, 3)))


def test_training_never_shows_what_is_measured():
    data = Palindromes(LONG, batch_size=32, evaluation_size=64, evaluation_seed=3, training_seed=3)
    trained = set(rows(first_batches(data.train_dataloader(), 100)))
    validated, tested = set(rows(data.val_dataloader())), set(rows(data.test_dataloader()))
    assert len(trained) == 3200 and len(validated) == len(tested) == 64
    assert not trained & validated and not trained & tested and not validated & tested


# Devices, accumulated batches and workers


@pytest.mark.parametrize("accumulate", [1, 2, 3])
@pytest.mark.parametrize("devices", [1, 2, 4])
def test_all_devices_together_see_the_batches_of_one(devices, accumulate):
    one = Palindromes(LONG, batch_size=24, training_seed=7)
    by_rank = []
    for rank in range(devices):
        data = on_device(
            Palindromes(LONG, batch_size=24, training_seed=7), rank, devices, accumulate
        )
        by_rank.append(first_batches(data.train_dataloader(), 5 * accumulate))

    slices = [batches[turn] for turn in range(5 * accumulate) for batches in by_rank]
    assert all(len(target) == 24 // (devices * accumulate) for _, target in slices)
    together = [
        tuple(torch.cat(parts) for parts in zip(*slices[k : k + devices * accumulate], strict=True))
        for k in range(0, len(slices), devices * accumulate)
    ]
    assert_same_batches(together, first_batches(one.train_dataloader(), 5))
    assert len(set(rows(slices))) == 5 * 24


# torch warns where there are more workers than cores, and Python of forking beside threads.
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("first", [0, 7])
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_workers_change_nothing(workers, first):
    data = on_device(Palindromes(5, 8, training_seed=1, num_workers=workers), 1, 2, 2, step=first)
    loader = data.train_dataloader()
    assert loader.num_workers == workers
    dataset = TrainingBatches(5, 8, 1, rank=1, devices=2, accumulate=2)
    expected = [dataset.batch(2 * first + k) for k in range(10)]
    assert_same_batches(first_batches(loader, 10), expected)


@pytest.mark.parametrize("accumulate", [1, 3])
def test_resumed_stream_continues_the_first(accumulate):
    def batches(step, count):
        data = on_device(Palindromes(LONG, 12, training_seed=1), 0, 2, accumulate, step)
        return first_batches(data.train_dataloader(), count)

    whole = batches(0, 10 * accumulate)
    assert_same_batches(batches(4, 6 * accumulate), whole[4 * accumulate :])


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("workers", [0, 2])
def test_each_pass_begins_where_the_training_is(workers):
    data = on_device(Palindromes(LONG, 12, training_seed=1, num_workers=workers), accumulate=2)
    loader = data.train_dataloader()
    whole = first_batches(loader, 10)
    data.trainer.global_step = 3
    assert_same_batches(first_batches(loader, 4), whole[6:])


def test_a_loader_can_be_gone_through_again():
    data = Palindromes(5, 8, evaluation_size=20)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        assert_same_batches(first_batches(loader, 2), first_batches(loader, 2))


def test_epochs_go_on_where_the_last_one_ended(train, small, monkeypatch):
    """A run has one endless epoch, unless the Trainer is told otherwise."""
    drawn = []
    batch = TrainingBatches.batch

    def note(self, number):
        drawn.append(number)
        return batch(self, number)

    monkeypatch.setattr(TrainingBatches, "batch", note)
    assert train(*small, "--trainer.limit_train_batches=7", "--trainer.max_steps=20").code == 0
    assert sorted(set(drawn)) == list(range(20))


@pytest.mark.parametrize("rows", [slice(None), slice(3, 5), slice(1, None, 4)])
@pytest.mark.parametrize("length", [2, 7, 8])
def test_made_on_a_device_they_are_the_same(length, rows):
    numbers = {"seed": 1, "stream": TRAINING, "step": 2}
    digits, target = draw_palindromes(9, length, **numbers)
    for device in (None, torch.device("cpu")):
        made = draw_palindromes(9, length, **numbers, rows=rows, device=device)
        assert_same_batches([made], [(digits[rows], target[rows])])


def test_only_the_bytes_of_its_own_rows_are_sent_to_a_device(monkeypatch):
    sizes = []

    def note(tensor, device):
        sizes.append((tensor.nbytes, device))
        return sent(tensor, device)

    monkeypatch.setattr("datamodules.palindromes.sent", note)
    data = on_device(Palindromes(LONG, 24), rank=1, devices=2, accumulate=3, device="meta")
    for digits, target in first_batches(data.train_dataloader(), 2):
        assert digits.device.type == target.device.type == "meta"
        assert digits.shape == (4, LONG) and digits.dtype == target.dtype == torch.int64
    assert set(sizes) == {(4 * (LONG + 1), torch.device("meta"))}


def test_workers_make_batches_on_the_cpu():
    data = on_device(Palindromes(LONG, 24, num_workers=1), device="meta")
    assert data.train_dataloader().batches.device is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_not_waited_for():
    cpu, gpu = (on_device(Palindromes(300, 128), device=device) for device in ("cpu", "cuda"))
    first_batches(gpu.train_dataloader(), 1)
    torch.cuda.set_sync_debug_mode("error")
    try:
        batches = first_batches(gpu.train_dataloader(), 5)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(digits.device.type == "cuda" for digits, _ in batches)
    copied = [(digits.cpu(), target.cpu()) for digits, target in batches]
    assert_same_batches(copied, first_batches(cpu.train_dataloader(), 5))


# Seeds


def test_training_seed_is_that_of_the_run_unless_given(monkeypatch):
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    assert Palindromes().seed == 0
    data = Palindromes(LONG)
    for seed in (5, 0, 2**32 - 1):
        monkeypatch.setenv("PL_GLOBAL_SEED", str(seed))
        assert data.seed == seed
        assert Palindromes(training_seed=0).seed == 0
        assert Palindromes(training_seed=4).seed == 4
        (batch,) = first_batches(data.train_dataloader(), 1)
        expected = draw_palindromes(128, LONG, seed=seed, stream=TRAINING, step=0)
        assert_same_batches([batch], [expected])


def test_runs_of_every_seed_are_measured_on_the_same_sets(monkeypatch):
    def sets(seed, evaluation_seed):
        monkeypatch.setenv("PL_GLOBAL_SEED", str(seed))
        data = Palindromes(LONG, 32, evaluation_size=48, evaluation_seed=evaluation_seed)
        return rows([*data.val_dataloader(), *data.test_dataloader()])

    assert sets(1, 2019) == sets(2, 2019)
    assert len({*sets(1, 2019), *sets(1, 2020)}) == 4 * 48


# Evaluation


@pytest.mark.parametrize("devices", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [4, 5, 47, 48])
def test_evaluation_is_shared_without_overlap_or_loss(size, devices):
    def shares(loader_name):
        for rank in range(devices):
            data = on_device(Palindromes(LONG, 8, evaluation_size=size), rank, devices)
            yield list(getattr(data, loader_name)())

    for loader_name, stream in (("val_dataloader", VALIDATION), ("test_dataloader", TEST)):
        by_rank = list(shares(loader_name))
        whole, _ = draw_palindromes(size, LONG, seed=2019, stream=stream, step=0)
        together = [batch for batches in by_rank for batch in batches]
        assert sorted(rows(together)) == sorted(map(tuple, whole.tolist()))
        sizes = [len(rows(batches)) for batches in by_rank]
        assert max(sizes) - min(sizes) <= 1
        for digits, target in together:
            assert 1 <= len(target) <= 8 and digits.shape == (len(target), LONG)
            assert digits.dtype == target.dtype == torch.int64
            assert torch.equal(digits[:, 0], target)


def test_training_does_not_change_how_evaluation_is_shared():
    data = on_device(Palindromes(LONG, 8, evaluation_size=20), accumulate=4, step=100)
    assert_same_batches(
        list(data.val_dataloader()), list(Palindromes(LONG, 8, 20).val_dataloader())
    )


def test_loaders_hand_over_whole_batches_that_lightning_does_not_share_again():
    """Lightning hands each device its part of a dataset, unless it is iterable."""
    data = Palindromes(num_workers=2)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        assert isinstance(loader, DataLoader) and loader.batch_size is None
        assert isinstance(loader.dataset, IterableDataset)
    assert isinstance(data.val_dataloader().dataset, FixedBatches)


# What cannot be


@pytest.mark.parametrize(
    "name, least",
    [
        ("length", 2),
        ("batch_size", 1),
        ("evaluation_size", 1),
        ("evaluation_seed", 0),
        ("training_seed", 0),
        ("num_workers", 0),
    ],
)
def test_values_out_of_range(name, least):
    Palindromes(**{name: least})
    for value in (least - 1, -100):
        with pytest.raises(ValueError, match=f"^{name} must be at least {least}, got {value}$"):
            Palindromes(**{name: value})


@pytest.mark.parametrize("name", ["evaluation_seed", "training_seed"])
def test_seeds_beyond_64_bits(name):
    Palindromes(**{name: 2**64 - 1})
    with pytest.raises(ValueError, match=name):
        data = Palindromes(**{name: 2**64})
        first_batches(data.train_dataloader(), 1)
        first_batches(data.val_dataloader(), 1)


@pytest.mark.parametrize(
    "batch_size, devices, accumulate, shares, multiple",
    [
        (10, 4, 1, "4 devices", 4),
        (10, 1, 4, "1 device x 4 accumulated batches", 4),
        (10, 2, 3, "2 devices x 3 accumulated batches", 6),
        (1, 2, 1, "2 devices", 2),
    ],
)
def test_batches_that_cannot_be_shared(batch_size, devices, accumulate, shares, multiple):
    data = on_device(Palindromes(batch_size=batch_size), 0, devices, accumulate)
    complaint = (
        f"^data.batch_size {batch_size} cannot be shared equally by {shares}: it counts the "
        f"examples of an optimiser step over all of them, so it must be a multiple of {multiple}$"
    )
    with pytest.raises(MisconfigurationException, match=complaint):
        data.setup("fit")
    # To measure, a set is shared as it is.
    data.setup("validate")
    data.setup("test")
    on_device(Palindromes(batch_size=2 * multiple), 0, devices, accumulate).setup("fit")


def test_more_devices_than_there_are_to_measure():
    with pytest.raises(MisconfigurationException, match="evaluation_size 3"):
        on_device(Palindromes(batch_size=4, evaluation_size=3), 3, 4).setup("fit")


def test_says_what_it_is():
    assert Palindromes.num_classes == 10
    assert str(Palindromes(length=20)) == "palindromes, 20 digits read"
