"""Traces: what they hold, and that a network is afterwards as it was."""

from __future__ import annotations

import pytest
import torch

from layers import GRU, LSTM, RNN, RRN, CharacterNetwork, traced

every_cell = pytest.mark.parametrize("cell_type", [RNN, LSTM, RRN, GRU])


@every_cell
@pytest.mark.parametrize("last_only", [True, False])
def test_a_trace_is_the_walk(cell_type, last_only, draw):
    cell = cell_type(3, 5).double()
    inputs, state = draw(cell, 7, 4)
    with traced(cell) as (trace,):
        walked = cell.last_state(inputs, state) if last_only else cell(inputs, state)[1]
    assert len(trace.from_inputs) == len(trace.before) == len(trace.after) == 7
    for t in range(7):
        assert trace.before[t] is (trace.after[t - 1] if t else trace.before[0])
        assert torch.equal(trace.from_inputs[t], cell.project(inputs[t]))
        _, state = cell.step(inputs[t], state)
        torch.testing.assert_close(trace.after[t], state)
    assert trace.after[-1] is walked
    for place, name in enumerate(trace.state_names):
        assert torch.equal(trace.states(name)[3], trace.after[3][place])


@every_cell
def test_the_gates_are_those_of_the_step(cell_type, draw):
    """Whatever the gates are, the new state is made of them."""
    cell = cell_type(3, 5).double()
    inputs, state = draw(cell, 1, 4)
    from_inputs, hidden = cell.project(inputs[0]), state[0]
    gates = cell.gates(from_inputs, hidden)
    before = torch.cat([hidden, inputs[0]], dim=1)
    weight = torch.cat([cell.weight_hh, cell.weight_ih], dim=1)
    blocks = (before @ weight.t() + cell.bias).chunk(cell.gate_blocks, dim=1)
    squash = {"i": "sigmoid", "f": "sigmoid", "g": "tanh", "o": "sigmoid", "r": "sigmoid"}
    squash |= {"z": "sigmoid", "inc": "relu", "dec": "relu"}
    for block, (name, gate) in zip(blocks, gates.items(), strict=False):
        if name != "n":
            torch.testing.assert_close(gate, getattr(torch, squash[name])(block))
    assert set(gates) | {"h"} == set(cell.bounds)


def test_layer_by_layer():
    network = CharacterNetwork("LSTM", 6, 4, num_layers=3, backend="numba")
    with traced(network) as traces:
        network(torch.randint(6, (5, 2)))
    assert [trace.layer for trace in traces] == list(network.recurrent.layers)
    assert [len(trace.after) for trace in traces] == [5, 5, 5]


@pytest.mark.parametrize("fails", [False, True])
def test_afterwards_all_is_as_before(fails):
    cell = LSTM(3, 4, backend="numba")
    before = dict(cell.__dict__)
    try:
        with traced(cell):
            assert cell.backend == "loop"
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert cell.__dict__ == before and cell.backend == "numba"
    assert "advance" not in cell.__dict__
