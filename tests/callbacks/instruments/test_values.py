"""What instruments read, against the formulas by hand and brute force."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

import lightning_modules
from callbacks.instruments import GradientsThroughTime, Jacobians, Saturation, States
from layers import LSTM as LSTMLayer
from lightning_modules import CharGenerator

CELLS = ["RNN", "LSTM", "RRN", "GRU"]
T, B, H = 6, 5, 4
every_cell = pytest.mark.parametrize("cell", CELLS)


def classifier(cell, encoding="scalar"):
    model = getattr(lightning_modules, cell)(encoding=encoding, hidden_size=H)
    return model.double(), (torch.randint(10, (B, T)), torch.randint(10, (B,)))


def states_of(model, digits):
    """The states by the layer's steps, T of them, the inputs and where it began."""
    inputs = model.encode(digits)
    states = [model.recurrent.initial_state(B)]
    for step in range(T):
        states.append(model.recurrent.step(inputs[step], states[-1])[1])
    return inputs, states


def loss_from(model, inputs, state, t, target):
    """Each example's loss, going on from the state after t steps."""
    for step in range(t, T):
        _, state = model.recurrent.step(inputs[step], state)
    return F.cross_entropy(model.readout(state[0]), target, reduction="none")


@pytest.mark.parametrize("encoding", ["scalar", "one_hot"])
def test_gradients_of_the_rnn_are_products_of_jacobians(encoding, tmp_path):
    """Equation 19: ∂h_t/∂h_{t-1} = diag(1 - h_t²) W_hh."""
    model, (digits, target) = classifier("RNN", encoding)
    (found,) = GradientsThroughTime(tmp_path, 1, model).read(model, (digits, target))
    _, states = states_of(model, digits)
    hidden = [state[0].detach() for state in states]
    weight = model.recurrent.weight_hh.detach()
    probabilities = model.readout(hidden[T]).softmax(dim=1)
    gradient = (probabilities - F.one_hot(target, 10)) @ model.readout.weight
    norms = [gradient.norm(dim=1)]
    for t in range(T, 1, -1):
        jacobian = torch.diag_embed(1 - hidden[t] ** 2) @ weight
        gradient = (jacobian.mT @ gradient[:, :, None])[:, :, 0]
        norms.insert(0, gradient.norm(dim=1))
    torch.testing.assert_close(found["h"], torch.stack(norms), rtol=1e-10, atol=1e-14)
    assert found["h"].shape == (T, B)


def differences(function, point, size=1e-6):
    """The gradient of each row of (B, H), by central differences."""
    columns = []
    for unit in range(point.shape[1]):
        shift = size * F.one_hot(torch.tensor(unit), point.shape[1])
        columns.append((function(point + shift) - function(point - shift)) / (2 * size))
    return torch.stack(columns, dim=1)


@every_cell
@torch.no_grad()
def test_gradients_are_those_of_finite_differences(cell, tmp_path):
    model, (digits, target) = classifier(cell)
    if cell == "RRN":
        # No cell state is 0, where ReLU has no derivative.
        model.recurrent.bias[:H] += 3
    (found,) = GradientsThroughTime(tmp_path, 1, model).read(model, (digits, target))
    inputs, states = states_of(model, digits)
    for t in range(1, T + 1):
        hidden, *cells = states[t]

        def from_hidden(moved, t=t, cells=cells):
            return loss_from(model, inputs, (moved, *cells), t, target)

        expected = differences(from_hidden, hidden).norm(dim=1)
        torch.testing.assert_close(found["h"][t - 1], expected, rtol=1e-5, atol=1e-9)
        if cells:
            # h follows from c: ReLU(c), or tanh(c) times the output gate, which c leaves alone.
            gate = hidden / cells[0].tanh()

            def from_cell(moved, t=t, gate=gate):
                hidden = moved.relu() if cell == "RRN" else moved.tanh() * gate
                return loss_from(model, inputs, (hidden, moved), t, target)

            expected = differences(from_cell, cells[0]).norm(dim=1)
            torch.testing.assert_close(found["c"][t - 1], expected, rtol=1e-5, atol=1e-9)
    assert list(found) == (["h", "c"] if cell in ("LSTM", "RRN") else ["h"])


@pytest.mark.parametrize("factor", [1e-6, 1e6], ids=["vanishing", "exploding"])
def test_gradients_are_read_as_far_as_float32_goes(factor, tmp_path):
    """Where the squares of their entries are already zero or infinite."""
    model, (digits, target) = classifier("RNN", "one_hot")
    with torch.no_grad():
        # Inputs of 0, so that tanh has the slope 1.
        model.recurrent.weight_ih.zero_()
        model.recurrent.bias.zero_()
        model.recurrent.weight_hh.copy_(factor * torch.eye(H))
    (found,) = GradientsThroughTime(tmp_path, 1, model.float()).read(model, (digits, target))
    last = found["h"][-1]
    expected = torch.stack([last * factor ** (T - t) for t in range(1, T + 1)])
    torch.testing.assert_close(found["h"], expected, rtol=1e-5, atol=0)
    squares = found["h"][0].float() ** 2
    assert not ((squares > 0) & squares.isfinite()).any()


def test_gradients_do_not_depend_on_the_size_of_the_batch(tmp_path):
    model, (digits, target) = classifier("LSTM")
    read = GradientsThroughTime(tmp_path, 1, model).read
    (together,) = read(model, (digits, target))
    for row in range(B):
        (alone,) = read(model, (digits[row : row + 1], target[row : row + 1]))
        torch.testing.assert_close(alone["c"][:, 0], together["c"][:, row])


@every_cell
@torch.no_grad()
def test_norms_of_states(cell, tmp_path):
    model, batch = classifier(cell, "one_hot")
    (found,) = States(tmp_path, 1, model).read(model, batch)
    _, (_, *states) = states_of(model, batch[0])
    for place, values in enumerate(found.values()):
        expected = [[sum(x * x for x in row) ** 0.5 for row in s[place].tolist()] for s in states]
        torch.testing.assert_close(values, torch.tensor(expected, dtype=torch.float64))
    assert len(found) == model.recurrent.state_tensors


@every_cell
def test_jacobians_of_the_first_examples(cell, tmp_path):
    model, batch = classifier(cell, "one_hot")
    (found,) = Jacobians(tmp_path, 1, model).read(model, batch)
    inputs, states = states_of(model, batch[0])
    assert found["state"].shape == (T, 4)
    for t in range(T):
        for example in range(4):

            def step(before, t=t, example=example):
                parts = before[None].chunk(model.recurrent.state_tensors, dim=1)
                _, after = model.recurrent.step(inputs[t][example : example + 1], parts)
                return torch.cat(after, dim=1)[0]

            before = torch.cat([part[example] for part in states[t]]).detach()
            jacobian = torch.autograd.functional.jacobian(step, before)
            expected = torch.linalg.svdvals(jacobian)[0]
            torch.testing.assert_close(found["state"][t, example], expected)


@every_cell
@torch.no_grad()
def test_shares_that_are_saturated(cell, tmp_path):
    model, batch = classifier(cell)
    for parameter in model.recurrent.parameters():
        parameter.mul_(4)
    (found,) = Saturation(tmp_path, 1, model).read(model, batch)
    inputs, states = states_of(model, batch[0])
    kinds = {"i": "σ", "f": "σ", "o": "σ", "r": "σ", "z": "σ", "inc": "off", "dec": "off"}
    assert any(0 < float(share) < 1 for values in found.values() for share in values.flatten())
    for t in range(T):
        gates = model.recurrent.gates(model.recurrent.project(inputs[t]), states[t][0])
        for name, values in {**gates, "h": states[t + 1][0]}.items():
            kind = kinds.get(name, "off" if cell == "RRN" else "tanh")
            for example in range(B):
                count = 0
                for value in values[example].tolist():
                    if kind == "off":
                        count += value == 0
                    elif kind == "σ":
                        count += value < 0.05 or value > 0.95
                    else:
                        count += abs(value) > 0.95
                assert float(found[name][t, example]) == count / H


def test_layers_of_a_stack_are_told_apart(tmp_path):
    """Against a walk of all layers at once, step by step, with dropout as drawn anew."""
    model = CharGenerator("LSTM", hidden_size=H, num_layers=2, num_classes=7).double()
    characters, target = torch.randint(7, (2, B, T))
    batch = SimpleNamespace(characters=characters, next_characters=target, continues=True)
    model.carried = {True: tuple(torch.randn(B, H).double() for _ in range(4))}
    found = GradientsThroughTime(tmp_path, 1, model).read(model, batch)

    state, kept, losses = model.carried[True], [], 0.0
    for t in range(T):
        logits, state = model.network.step(characters[:, t], state)
        kept.append(state)
        losses = losses + F.cross_entropy(logits, target[:, t], reduction="sum") / T
    gradients = iter(torch.autograd.grad(losses, [each for state in kept for each in state]))
    expected = torch.stack([next(gradients).norm(dim=1) for _ in range(4 * T)]).view(T, 4, B)
    for number, curves in enumerate(found):
        torch.testing.assert_close(curves["h"], expected[:, 2 * number])
        torch.testing.assert_close(curves["c"], expected[:, 2 * number + 1])
    assert len(found) == 2


INSTRUMENTS = [GradientsThroughTime, Jacobians, Saturation, States]


@pytest.mark.parametrize("instrument", INSTRUMENTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_reading_leaves_nothing_behind(instrument, dtype, tmp_path):
    model = CharGenerator("LSTM", hidden_size=H, dropout=0.5, num_classes=7).to(dtype)
    characters, target = torch.randint(7, (2, B, T))
    batch = SimpleNamespace(characters=characters, next_characters=target, continues=True)
    carried = tuple(torch.randn(B, H).to(dtype) for _ in range(4))
    model.carried = {True: carried}
    random, weights = torch.get_rng_state(), {k: v.clone() for k, v in model.state_dict().items()}
    one = instrument(tmp_path, 1, model).read(model, batch)
    assert torch.equal(torch.get_rng_state(), random)
    torch.rand(3)
    other = instrument(tmp_path, 1, model).read(model, batch)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    assert model.carried == {True: carried} and model.training
    # The same is dropped out each time.
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert all(values.isfinite().all() for curves in one for values in curves.values())


def test_saturation_asks_for_bounds(tmp_path, monkeypatch):
    model, _ = classifier("LSTM")
    monkeypatch.setattr(LSTMLayer, "bounds", {})
    with pytest.raises(ValueError, match="watch.saturation: LSTM does not tell the bounds"):
        Saturation(tmp_path, 1, model)
