"""The norms of parameters, gradients and updates, against a step that is made by hand."""

from __future__ import annotations

import csv

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks import RunLogger
from callbacks.instruments import Parameters
from datamodules import Graph, Palindromes
from lightning_modules import GCN, RNN


def rows_of(folder):
    with (folder / "parameters.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("accumulate", [1, 3])
def test_of_a_whole_step_and_before_clipping(accumulate, fit, tmp_path):
    model = RNN(hidden_size=3)
    by_hand = RNN(hidden_size=3)
    by_hand.load_state_dict(model.state_dict())
    settings = {"accumulate_grad_batches": accumulate, "gradient_clip_val": 0.01}
    fit(model, Parameters(tmp_path, 1), max_steps=1, **settings)

    data = Palindromes(length=3, batch_size=12, evaluation_size=4, training_seed=0)
    by_hand.training_step(data.training_batches().batch(0), 0)["loss"].backward()
    names = [name for name, _ in by_hand.named_parameters()]
    assert [row["parameter"] for row in rows_of(tmp_path)] == names
    trained = dict(model.named_parameters())
    for row, (name, before) in zip(rows_of(tmp_path), by_hand.named_parameters(), strict=True):
        before, gradient = before.detach(), before.grad
        update = (trained[name].detach() - before).norm()
        for column, expected in (
            ("weight", before.norm()),
            ("gradient", gradient.norm()),
            ("update", update),
            ("ratio", update / before.norm()),
        ):
            assert float(row[column]) == pytest.approx(expected.item(), rel=1e-5), column
            assert float(row[column]) > 0


@pytest.mark.parametrize(("max_steps", "steps"), [(7, [1, 3, 6, 7]), (6, [1, 3, 6])])
def test_at_the_first_step_every_so_many_and_the_last(max_steps, steps, fit, tmp_path):
    logger = RunLogger(tmp_path / "run")
    fit(RNN(hidden_size=3), Parameters(tmp_path, 3), max_steps=max_steps, logger=logger)
    rows = rows_of(tmp_path)
    assert sorted({int(row["step"]) for row in rows}) == steps
    events = EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    for column in ("weight", "gradient", "update", "ratio"):
        points = events.Scalars(f"parameters/{column}/recurrent.weight_hh")
        expected = [float(r[column]) for r in rows if r["parameter"] == "recurrent.weight_hh"]
        assert [point.step for point in points] == steps
        assert [point.value for point in points] == pytest.approx(expected, rel=1e-6)
    assert [image.step for image in events.Images("figures/parameters/norms")] == [max_steps]
    assert (tmp_path / "parameters.png").is_file()


def test_of_an_optimiser_that_tries_weights_before_it_takes_a_step(fit, tmp_path):
    """Weight and gradient are those before any of its trials, and the update is of them all."""
    model = RNN(hidden_size=3)
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    model.configure_optimizers = lambda: torch.optim.LBFGS(model.parameters(), max_iter=5)
    fit(model, Parameters(tmp_path, 1), max_steps=1)
    trained = dict(model.named_parameters())
    for row in rows_of(tmp_path):
        name = row["parameter"]
        assert float(row["weight"]) == pytest.approx(before[name].norm().item(), rel=1e-5)
        update = (trained[name].detach() - before[name]).norm().item()
        assert float(row["update"]) == pytest.approx(update, rel=1e-4)


def test_from_zeros_any_update_is_infinitely_large(fit, tmp_path):
    model = RNN(hidden_size=3)
    torch.nn.init.zeros_(model.readout.bias)
    fit(model, Parameters(tmp_path, 1), max_steps=1)
    (row,) = [row for row in rows_of(tmp_path) if row["parameter"] == "readout.bias"]
    assert (row["weight"], row["ratio"]) == ("0", "inf")


def test_of_a_graph_network(fit, tmp_path):
    model = GCN(num_features=34, num_classes=4)
    fit(model, Parameters(tmp_path, 2), data=Graph(), max_steps=4)
    names = [name for name, _ in model.named_parameters()]
    assert [row["parameter"] for row in rows_of(tmp_path)] == names * 3
