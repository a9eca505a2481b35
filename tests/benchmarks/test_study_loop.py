"""What the layers are timed against computes the same."""

from __future__ import annotations

import pytest
import torch

import layers
from benchmarks.study_loop import StudyLoop

T, B, D, H = 6, 3, 2, 5
# The order of the study's gates among those of our layers.
ORDER = {"RNN": [0], "RRN": [0, 1], "LSTM": [2, 0, 1, 3], "GRU": [0, 1, 2]}


@pytest.mark.parametrize("cell", ["RNN", "RRN", "LSTM", "GRU"])
def test_it_is_the_layer(cell):
    torch.manual_seed(0)
    layer, loop = getattr(layers, cell)(D, H).double(), StudyLoop(cell, D, H).double()
    gates = [weight.chunk(len(ORDER[cell])) for weight in (layer.weight_ih, layer.weight_hh)]
    biases = layer.bias.chunk(len(ORDER[cell]))
    with torch.no_grad():
        for own, theirs in enumerate(ORDER[cell]):
            w, u = (weight[theirs].t() for weight in gates)
            loop.b[own].copy_(biases[theirs])
            if cell == "RRN":
                loop.both[own].copy_(torch.cat((u, w)))
            else:
                loop.w[own].copy_(w)
                loop.u[own].copy_(u)
        if cell == "GRU":
            loop.inner_b.copy_(layer.bias_hn)
    inputs = torch.randn(T, B, D, dtype=torch.float64)
    torch.testing.assert_close(loop(inputs), layer.last_state(inputs)[0])
