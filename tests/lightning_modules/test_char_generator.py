"""The character generator: what it computes, what it carries from batch to batch, and its size."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from layers import CELLS
from lightning_modules import CharGenerator

B, T, V, H = 3, 5, 7, 6

every_cell = pytest.mark.parametrize("cell", CELLS)


class Batch(NamedTuple):
    characters: Tensor
    next_characters: Tensor
    continues: bool


def text(length=4 * T + 1):
    """Rows of a text: (B, length)."""
    return torch.randint(V, (B, length))


def batch_of(rows, number=0, continues=False):
    crop = rows[:, number * T : (number + 1) * T + 1]
    return Batch(crop[:, :-1], crop[:, 1:], continues)


def make(cell="LSTM", **settings):
    return CharGenerator(cell=cell, hidden_size=H, num_classes=V, **settings).double()


@pytest.fixture(autouse=True)
def same_every_time():
    torch.manual_seed(0)


@every_cell
def test_loss_and_accuracy_are_means_over_all_positions(cell):
    model, batch = make(cell), batch_of(text())
    logits, _ = model(batch.characters)
    assert logits.shape == (B, T, V)
    losses, right = [], 0
    for row in range(B):
        for t in range(T):
            scores = logits[row, t].exp()
            target = batch.next_characters[row, t]
            losses.append(-(scores[target] / scores.sum()).log())
            right += int(scores.argmax() == target)
    outputs = model.training_step(batch, 0)
    torch.testing.assert_close(outputs["loss"], torch.stack(losses).mean())
    assert float(outputs["accuracy"]) == pytest.approx(right / (B * T))
    assert outputs["loss"].requires_grad


@every_cell
def test_predicts_a_character_from_those_before_it_alone(cell):
    model, rows = make(cell), text()[:, :T]
    logits, _ = model(rows)
    changed = rows.clone()
    changed[:, 3] = (changed[:, 3] + 1) % V
    after, _ = model(changed)
    assert torch.equal(after[:, :3], logits[:, :3])
    assert not torch.isclose(after[:, 3:], logits[:, 3:]).all(dim=2).any()


@every_cell
def test_crops_that_continue_are_read_as_one_text(cell):
    model, rows = make(cell), text()
    whole, _ = model(rows[:, : 4 * T])
    parts = [
        model.predictions(batch_of(rows, number, continues=number > 0))[0] for number in range(4)
    ]
    together = torch.cat([part.unflatten(0, (T, B)).transpose(0, 1) for part in parts], dim=1)
    torch.testing.assert_close(together, whole)


def test_rows_that_have_ended_leave_the_others_their_state():
    model, rows = make(), text()
    whole, _ = model(rows[:, : 2 * T])
    model.predictions(batch_of(rows))
    after, _ = model.predictions(batch_of(rows[:2], 1, continues=True))
    torch.testing.assert_close(after.unflatten(0, (T, 2)).transpose(0, 1), whole[:2, T:])


def test_gradients_end_at_the_beginning_of_the_crop():
    model, rows = make(), text()
    model.training_step(batch_of(rows), 0)
    state = [tensor.clone() for tensor in model.carried[True]]
    outputs = model.training_step(batch_of(rows, 1, continues=True), 0)
    outputs["loss"].backward()
    carried = [parameter.grad.clone() for parameter in model.parameters()]

    model.zero_grad()
    crop = batch_of(rows, 1)
    logits, _ = model(crop.characters, tuple(state))
    torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), crop.next_characters.flatten()
    ).backward()
    torch.testing.assert_close(carried, [parameter.grad for parameter in model.parameters()])


def test_crops_that_do_not_continue_start_anew():
    model, rows = make(), text()
    first, _ = model.predictions(batch_of(rows))
    model.predictions(batch_of(rows, 1))
    again, _ = model.predictions(batch_of(rows))
    assert torch.equal(first, again)


def test_an_evaluation_leaves_the_state_of_the_training_alone():
    model, rows = make(), text()
    model.training_step(batch_of(rows), 0)
    expected, _ = make_copy(model).predictions(batch_of(rows, 1, continues=True))
    model.eval()
    other = text()
    model.predictions(batch_of(other))
    continued, _ = model.predictions(batch_of(other, 1, continues=True))
    whole, _ = model(other[:, : 2 * T])
    torch.testing.assert_close(continued.unflatten(0, (T, B)).transpose(0, 1), whole[:, T:])
    model.train()
    assert torch.equal(model.predictions(batch_of(rows, 1, continues=True))[0], expected)


def make_copy(model):
    copy = make()
    copy.load_state_dict(model.state_dict())
    copy.carried = dict(model.carried)
    return copy


@pytest.mark.parametrize("devices", [1, 3])
def test_the_carried_state_is_kept_and_shared_by_rows(devices):
    model, rows = make(), text()
    model.training_step(batch_of(rows), 0)
    model._trainer = SimpleNamespace(world_size=1)
    checkpoint = {}
    model.on_save_checkpoint(checkpoint)
    model._trainer = None
    expected, _ = model.predictions(batch_of(rows, 1, continues=True))
    expected = expected.unflatten(0, (T, B))
    for rank in range(devices):
        resumed = make()
        resumed.load_state_dict(model.state_dict())
        resumed._trainer = SimpleNamespace(global_rank=rank, world_size=devices)
        resumed.on_load_checkpoint(checkpoint)
        mine = slice(rank * B // devices, (rank + 1) * B // devices)
        batch = batch_of(rows[mine], 1, continues=True)
        resumed._trainer = None
        logits, _ = resumed.predictions(batch)
        torch.testing.assert_close(logits.unflatten(0, (T, -1)), expected[:, mine])


def test_a_checkpoint_before_the_first_step_carries_nothing():
    model, checkpoint = make(), {}
    model.on_save_checkpoint(checkpoint)
    assert checkpoint["carried_state"] == []
    model.on_load_checkpoint(checkpoint)
    assert model.carried == {}


def test_reads_its_loss_in_bits_too():
    metrics = make().in_all_units({"loss/train": math.log(2), "accuracy/train": 0.5})
    assert metrics == {
        "loss/train": math.log(2),
        "accuracy/train": 0.5,
        "bits_per_character/train": 1.0,
    }


def test_the_best_validation_has_the_lowest_loss():
    model = make()
    low = {"loss/validation": 1.0, "accuracy/validation": 0.1}
    high = {"loss/validation": 1.1, "accuracy/validation": 0.9}
    assert model.score(low) > model.score(high)


def test_settings_reach_the_network():
    model = CharGenerator("GRU", 5, 3, 0.25, "study", "loop", 11)
    network = model.network
    assert len(network.recurrent.layers) == 3 and network.recurrent.dropout == 0.25
    assert type(network.recurrent.layers[0]) is CELLS["GRU"]
    assert network.recurrent.layers[2].initialization == "study"
    assert network.recurrent.layers[2].backend == "loop"
    assert network.readout.weight.shape == (11, 5)
    assert dict(model.hparams) == {
        "cell": "GRU",
        "hidden_size": 5,
        "num_layers": 3,
        "dropout": 0.25,
        "initialization": "study",
        "backend": "loop",
        "num_classes": 11,
    }
