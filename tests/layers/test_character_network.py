"""The network that writes: its parts, its size and its steps."""

import pytest
import torch

from layers import CELLS, CharacterNetwork


@pytest.mark.parametrize("cell", CELLS)
def test_is_a_stack_on_one_hot_characters_and_a_readout(cell):
    torch.manual_seed(0)
    network = CharacterNetwork(cell, 7, hidden_size=5, num_layers=2).double()
    characters = torch.randint(7, (6, 3))
    one_hot = torch.eye(7, dtype=torch.float64)[characters]
    hidden, _ = network.recurrent.layers[0](one_hot)
    hidden, _ = network.recurrent.layers[1](hidden)
    logits, state = network(characters)
    assert logits.shape == (6, 3, 7)
    torch.testing.assert_close(logits, hidden @ network.readout.weight.T + network.readout.bias)

    stepped = network.initial_state(3)
    for now, expected in zip(characters, logits, strict=True):
        logits_now, stepped = network.step(now, stepped)
        torch.testing.assert_close(logits_now, expected)
    torch.testing.assert_close(stepped, state)


@pytest.mark.parametrize("n, d, layers", [(128, 65, 2), (512, 93, 1), (4, 3, 3)])
def test_parameters_of_the_lstm(n, d, layers):
    network = CharacterNetwork("LSTM", d, n, layers)
    cells = 4 * (n * n + d * n + n) + (layers - 1) * 4 * (2 * n * n + n)
    assert sum(p.numel() for p in network.parameters()) == cells + d * n + d


def test_dropout_reaches_the_stack():
    assert CharacterNetwork("GRU", 3, 4, 2, dropout=0.5).recurrent.dropout == 0.5


@pytest.mark.parametrize("cell", CELLS)
def test_initialization_reaches_every_weight(cell):
    torch.manual_seed(0)
    network = CharacterNetwork(cell, 20, 64, 2, initialization="study")
    for name, parameter in network.named_parameters():
        assert float(parameter.detach().std()) == pytest.approx(1 / 64, rel=0.3), name


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="^unknown cell LSTN; there are RNN, LSTM, RRN, GRU$"):
        CharacterNetwork("LSTN", 5)
    with pytest.raises(ValueError, match="^num_layers must be at least 1, got 0$"):
        CharacterNetwork("LSTM", 5, num_layers=0)
    with pytest.raises(ValueError, match="^hidden_size must be at least 1, got 0$"):
        CharacterNetwork("LSTM", 5, hidden_size=0)
