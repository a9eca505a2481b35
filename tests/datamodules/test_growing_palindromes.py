"""Palindromes under a curriculum: as long as their stage says, for all devices together."""

from __future__ import annotations

import pytest
import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from datamodules import Curriculum, Palindromes
from datamodules.palindromes import TRAINING, draw_palindromes
from tests.datamodules.places import first_batches, on_device

LENGTHS = [2, 2, 2, 5, 5, 20, 20, 5]


def growing(**settings):
    """Palindromes whose first steps have these lengths."""
    data = Palindromes(20, 24, training_seed=7, curriculum=Curriculum(start=2), **settings)
    state = data.state_dict()
    state["stages"]["entered"] = [[0, 2], [3, 5], [5, 20], [7, 5]]
    data.load_state_dict(state)
    return data


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("devices", [1, 2, 4])
@pytest.mark.parametrize("step", [0, 2, 4])
def test_all_devices_together_see_the_batch_of_the_stage(devices, accumulate, step):
    count = (len(LENGTHS) - step) * accumulate
    by_rank = [
        first_batches(
            on_device(growing(), rank, devices, accumulate, step).train_dataloader(), count
        )
        for rank in range(devices)
    ]
    slices = iter([batches[turn] for turn in range(count) for batches in by_rank])
    for number, length in enumerate(LENGTHS[step:], step):
        parts = [next(slices) for _ in range(devices * accumulate)]
        expected = draw_palindromes(24, length, seed=7, stream=TRAINING, step=number)
        for together, whole in zip(zip(*parts, strict=True), expected, strict=True):
            assert torch.equal(torch.cat(together), whole)


def test_a_loader_asks_for_the_length_when_it_draws():
    data = Palindromes(20, 24, curriculum=Curriculum(2, growth=3, window=1))
    batches = iter(data.train_dataloader())
    assert [next(batches)[0].shape[1] for _ in range(2)] == [2, 2]
    data.stages.observe(0, 1.0, 0.0)
    assert next(batches)[0].shape[1] == 6


def test_what_is_measured_is_of_the_whole_length():
    data = growing(evaluation_size=48)
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert all(digits.shape == (24, 20) for digits, _ in loader)


def test_without_a_curriculum_there_is_nothing_to_keep():
    data = Palindromes(20, 24)
    assert data.stages is None and data.state_dict() == {}
    data.load_state_dict({})


def test_a_start_beyond_the_length_is_refused_to_train_alone():
    data = on_device(Palindromes(4, 24, evaluation_size=24, curriculum=Curriculum(start=5)))
    complaint = "^data.curriculum.start must be at most data.length, 4, got 5$"
    with pytest.raises(MisconfigurationException, match=complaint):
        data.setup("fit")
    data.setup("validate")
    data.setup("test")
    assert next(iter(data.test_dataloader()))[0].shape == (24, 4)
    on_device(Palindromes(5, 24, curriculum=Curriculum(start=5))).setup("fit")


def test_workers_are_refused():
    with pytest.raises(ValueError, match="^num_workers must be 0 where there is a curriculum"):
        Palindromes(20, num_workers=1, curriculum=Curriculum())
    assert Palindromes(20, num_workers=1).num_workers == 1


def test_says_what_it_is():
    assert str(growing()) == "palindromes, 20 digits read"
