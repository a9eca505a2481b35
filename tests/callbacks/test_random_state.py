"""The random state: kept in plain types, and put back as it was."""

from __future__ import annotations

import io
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback

from callbacks import RandomState
from callbacks.random_state import Snapshot, kept
from tests.resuming import assert_identical


@pytest.fixture(autouse=True)
def leave_the_random_state_alone():
    before = Snapshot.taken()
    yield
    before.put_back()


def draw():
    """Numbers of each generator; a normal one leaves a second one behind for the next time."""
    return {
        "python": [random.random(), random.gauss(0, 1), random.randrange(10**9)],
        "numpy": [*np.random.random(2), np.random.normal(), np.random.randint(10**9)],
        "torch": [*torch.rand(2).tolist(), *torch.randn(3).tolist(), *torch.randperm(9).tolist()],
    }


def saved_and_loaded(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("seed", [0, 1])
def test_every_generator_goes_on_where_it_was(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    draw()
    state = Snapshot.read(saved_and_loaded(Snapshot.taken().plain()))
    expected = [draw(), draw()]
    assert expected[0] != expected[1] != draw()
    state.put_back()
    assert [draw(), draw()] == expected


def test_collecting_draws_nothing():
    first = Snapshot.taken()
    draw()
    first.put_back()
    Snapshot.taken()
    found = draw()
    first.put_back()
    assert draw() == found


def assert_plain(value):
    """Only what torch.load takes for safe, and any language could read."""
    if isinstance(value, dict):
        for key, part in value.items():
            assert type(key) is str
            assert_plain(part)
    elif isinstance(value, list):
        for part in value:
            assert_plain(part)
    else:
        assert value is None or type(value) in (int, float, str, torch.Tensor), type(value)


def test_plain_types():
    draw()
    state = Snapshot.taken().plain()
    assert_plain(state)
    assert set(state) == {"python", "numpy", "torch", "cuda"}


def trainer_of(rank):
    validation = SimpleNamespace(run=draw)
    loop = SimpleNamespace(epoch_loop=SimpleNamespace(val_loop=validation), on_run_end=draw)
    return SimpleNamespace(global_rank=rank, fit_loop=loop)


def test_each_process_takes_back_its_own():
    checkpoint = {"random_states": []}
    expected = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        checkpoint["random_states"].append(Snapshot.taken().plain())
        expected.append(draw())

    for rank in (0, 1):
        callback, trainer = RandomState(), trainer_of(rank)
        callback.on_load_checkpoint(trainer, None, checkpoint)
        torch.manual_seed(3)
        callback.on_train_start(trainer, None)
        assert draw()["torch"] == expected[rank]["torch"]

    # A process more than there were before starts from its own seed.
    callback, trainer = RandomState(), trainer_of(2)
    callback.on_load_checkpoint(trainer, None, checkpoint)
    before = Snapshot.taken()
    callback.on_train_start(trainer, None)
    found = draw()
    before.put_back()
    assert found == draw()


def test_restores_only_once():
    callback, trainer = RandomState(), trainer_of(0)
    callback.on_load_checkpoint(trainer, None, {"random_states": [Snapshot.taken().plain()]})
    callback.on_train_start(trainer, None)
    first = draw()
    callback.on_train_start(trainer, None)
    assert draw() != first


def test_a_checkpoint_without_random_states():
    callback, trainer = RandomState(), trainer_of(0)
    callback.on_load_checkpoint(trainer, None, {})
    callback.on_train_start(trainer, None)


def test_random_numbers_of_a_training_go_on(fit, scripted, tmp_path):
    """Setting up draws random numbers, too, so they must be put back after it."""

    def training(**settings):
        drawn = []
        model = scripted(at_batch=lambda number: drawn.append(draw()))
        return drawn, fit(model, RandomState(), **settings)

    start = Snapshot.taken()
    whole, _ = training(max_steps=6)
    start.put_back()
    half, trainer = training(max_steps=3)
    checkpoint = tmp_path / "half.ckpt"
    trainer.save_checkpoint(checkpoint)
    draw()
    rest, _ = training(max_steps=6, ckpt_path=checkpoint)
    assert half + rest == whole


class Draws(Callback):
    """Somebody's, that draws whenever the training does not."""

    def on_validation_start(self, trainer, pl_module):
        draw()

    on_validation_end = on_train_end = on_validation_start


def test_validations_and_the_end_leave_the_random_state_as_it_was(fit, scripted, tmp_path):
    def training(*callbacks, **settings):
        drawn = []
        model = scripted(validations=[(0.0, 1.0)] * 9, at_batch=lambda number: drawn.append(draw()))
        fit(model, RandomState(), *callbacks, **settings)
        return drawn, Snapshot.taken().plain()

    start = Snapshot.taken()
    undisturbed = training()
    start.put_back()
    disturbed = training(Draws(), limit_val_batches=1, val_check_interval=2)
    assert_identical(disturbed, undisturbed)


def test_a_checkpoint_in_a_validation_has_the_state_of_the_training(fit, scripted, tmp_path):
    states = []

    class Saves(Callback):
        def on_validation_end(self, trainer, pl_module):
            draw()
            trainer.save_checkpoint(tmp_path / "one.ckpt")
            checkpoint = torch.load(tmp_path / "one.ckpt", weights_only=True)
            states.extend(checkpoint["random_states"])

    model = scripted(validations=[(0.0, 1.0)])
    before = Snapshot.taken().plain()
    fit(model, RandomState(), Saves(), max_steps=1, limit_val_batches=1, val_check_interval=1)
    assert_identical(states, [before])


@pytest.mark.parametrize("drawn", [0, 1], ids=["none left over", "one left over"])
def test_numpy_is_put_back_whatever_was_drawn(drawn):
    """Also where a normal number of a pair is left over, which the words do not show."""
    for _ in range(drawn):
        np.random.normal()
    for disturb in (np.random.normal, np.random.random, lambda: np.random.seed(3), lambda: None):
        before = np.random.get_state()
        with kept():
            disturb()
        assert str(np.random.get_state()) == str(before)
