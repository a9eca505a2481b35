"""First weights by which a cell remembers, identity, chrono and latch; what each is good for."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from datamodules.palindromes import draw_palindromes
from layers import GRU, LSTM, RNN, RRN, GraphConvolution, initialize

CELLS = [RNN, LSTM, RRN, GRU]
D, H = 10, 128

every_cell = pytest.mark.parametrize("cell_type", CELLS)


def accuracy_of_a_readout(cell, length=60, steps=40):
    """What an output comes to that learns to read a memory which learns nothing itself."""
    torch.manual_seed(0)
    readout = nn.Linear(H, 10)
    optimizer = torch.optim.Adam(readout.parameters(), lr=0.03)
    accuracies = []
    for step in range(steps):
        digits, target = draw_palindromes(64, length, seed=0, stream=0, step=step)
        with torch.no_grad():
            hidden, *_ = cell.last_state(digits.t())
            # Of every cell to the same scale, so that the same learning rate will do.
            hidden = hidden / hidden.std()
        logits = readout(hidden)
        optimizer.zero_grad()
        F.cross_entropy(logits, target).backward()
        optimizer.step()
        accuracies.append((logits.argmax(dim=1) == target).float().mean().item())
    return sum(accuracies[-5:]) / 5


# Identity


@every_cell
@pytest.mark.parametrize("name, scale", [("identity", 1), ("identity:0.9", 0.9)])
def test_identity(cell_type, name, scale):
    cell = cell_type(D, H, name)
    for gate in cell.weight_hh.split(H):
        assert torch.equal(gate, scale * torch.eye(H))
    bound = 0.3 / math.sqrt(H)
    for gate in cell.weight_ih.split(H):
        assert 0.95 * bound < gate.abs().max() <= bound
        assert abs(gate.mean()) < 5 * bound / math.sqrt(3 * gate.numel())
    assert not any(p.any() for n, p in cell.named_parameters() if "bias" in n)


def test_identity_leaves_the_output_as_torch_has_it():
    readout = nn.Linear(H, 10)
    initialize(readout, "identity", H)
    assert 0.95 < readout.weight.abs().max() * math.sqrt(H) <= 1
    assert not readout.bias.any()


# Chrono


def assert_log_uniform(biases, longest):
    """Equal to log u, u from U(1, longest - 1), in its range and first two moments of u."""
    times = biases.detach().double().exp()
    assert times.min() >= 1 and times.max() <= longest - 1
    middle, width = longest / 2, longest - 2
    assert abs(times.mean() - middle) < 5 * width / math.sqrt(12 * len(times))
    assert abs(times.var() / (width**2 / 12) - 1) < 0.3


def test_chrono_of_an_lstm():
    cell = LSTM(D, 1000, "chrono:500")
    inputs, forget, candidate, output = cell.bias.chunk(4)
    assert_log_uniform(forget, 500)
    assert torch.equal(inputs, -forget)
    bound = 1 / math.sqrt(1000)
    for other in (candidate, output, cell.weight_hh, cell.weight_ih):
        assert 0.9 * bound < other.abs().max() <= bound


def test_chrono_of_a_gru():
    cell = GRU(D, 1000, "chrono:500")
    reset, update, candidate = cell.bias.chunk(3)
    assert_log_uniform(update, 500)
    bound = 1 / math.sqrt(1000)
    for other in (reset, candidate, cell.bias_hn, cell.weight_hh):
        assert 0.9 * bound < other.abs().max() <= bound


@pytest.mark.parametrize("cell_type", [LSTM, GRU])
def test_chrono_remembers_for_the_times_that_it_draws(cell_type):
    """Without inputs, what is kept of a state falls to 1/e within 1 to T steps."""
    torch.manual_seed(1)
    cell = cell_type(D, H, "chrono:100").double()
    with torch.no_grad():
        cell.weight_hh.zero_()
        # A candidate of 0, so that nothing new comes in.
        cell.bias.chunk(cell.gate_blocks)[2].zero_()
        if cell_type is GRU:
            cell.bias_hn.zero_()
        cell.weight_ih.zero_()
        state = cell.initial_state(1)
        state[-1].fill_(1)
        kept = []
        for _ in range(200):
            _, state = cell.step(torch.zeros(1, D, dtype=torch.double), state)
            kept.append(state[-1])
    times = (torch.cat(kept) > math.exp(-1)).sum(dim=0) + 1
    assert 1 <= times.min() < 10 and 90 < times.max() <= 100


@pytest.mark.parametrize("cell_type", [RNN, RRN])
def test_chrono_is_for_cells_with_a_gate_that_forgets(cell_type):
    with pytest.raises(
        ValueError, match=f"^initialization chrono is not for {cell_type.__name__}$"
    ):
        cell_type(3, 4, "chrono:10")


# Latch


@every_cell
def test_latch_remembers_without_learning(cell_type):
    torch.manual_seed(0)
    assert accuracy_of_a_readout(cell_type(D, H, "latch")) == 1


@pytest.mark.parametrize(
    "cell_type, settings",
    [
        (RNN, {}),
        (LSTM, {}),
        (GRU, {}),
        (RRN, {"inhibitory": True}),
        (LSTM, {"initialization": "torch"}),
    ],
)
def test_what_is_no_latch_has_to_learn_to_remember(cell_type, settings):
    torch.manual_seed(0)
    cell = cell_type(D, H, **{"initialization": "identity", **settings})
    assert accuracy_of_a_readout(cell) < 0.5


@every_cell
def test_latch_has_no_biases_but_those_of_its_gates(cell_type):
    biases = cell_type(D, H, "latch:2").bias.chunk(cell_type.gate_blocks)
    expected = {LSTM: [2, 10, 0, 0], GRU: [0, -2, 0]}.get(cell_type, [0, 0])
    assert all((bias == value).all() for bias, value in zip(biases, expected, strict=False))


# Names and numbers


@pytest.mark.parametrize(
    "name, complaint",
    [
        ("chrono", "initialization chrono needs a number, such as chrono:1000, got 'chrono'"),
        ("chrono:", "initialization chrono needs a number, such as chrono:1000, got 'chrono:'"),
        ("latch:x", "initialization latch needs a number, such as latch:4, got 'latch:x'"),
        ("identity:inf", "initialization identity needs a number"),
        ("torch:2", "initialization torch goes by no number, got 'torch:2'"),
        ("chrono:2", "initialization chrono must be of more than 2 steps, got 2"),
        ("latch:1", "initialization latch must be above 1, got 1"),
        ("latch:-2", "initialization latch must be above 1, got -2"),
        ("chrno:10", "unknown initialization 'chrno:10', did you mean 'chrono'"),
    ],
)
def test_wrong_numbers(name, complaint):
    with pytest.raises(ValueError, match=f"^{complaint}"):
        LSTM(3, 4, name)


@pytest.mark.parametrize("name", ["latch:2", "chrono:10"])
def test_a_forget_bias_is_not_added_to_one_that_is_arranged(name):
    complaint = f"^forget_bias must be 0 with initialization {name}, which sets that bias itself"
    with pytest.raises(ValueError, match=complaint):
        LSTM(3, 4, name, forget_bias=1)


@pytest.mark.parametrize("name", ["identity", "latch", "chrono:10"])
def test_layers_without_time_are_as_torch(name):
    layer = GraphConvolution(50, 20, initialization=name)
    assert 0.9 < layer.weight.abs().max() * math.sqrt(50) <= 1
