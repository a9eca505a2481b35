"""The gated recurrent unit against torch.nn."""

import pytest
import torch
from torch import nn

from layers import GRU


@pytest.mark.parametrize("backend", ["loop", "numba"])
@pytest.mark.parametrize("from_zeros", [True, False])
@pytest.mark.parametrize("T, B, D, H", [(1, 1, 3, 4), (2, 1, 1, 1), (5, 3, 2, 6), (12, 4, 6, 3)])
def test_equals_torch(T, B, D, H, from_zeros, backend, assert_equals_torch):
    cell, twin = GRU(D, H, backend=backend).double(), nn.GRU(D, H).double()
    r_bias, z_bias, n_bias = twin.bias_hh_l0.chunk(3)
    cell.load_state_dict(
        {
            "weight_ih": twin.weight_ih_l0,
            "weight_hh": twin.weight_hh_l0,
            "bias": twin.bias_ih_l0 + torch.cat((r_bias, z_bias, torch.zeros_like(n_bias))),
            "bias_hn": n_bias,
        }
    )
    assert_equals_torch(cell, twin, T, B, from_zeros)
    torch.testing.assert_close(cell.bias_hn.grad, twin.bias_hh_l0.grad.chunk(3)[2])


@pytest.mark.parametrize("backend", ["loop", "numba"])
def test_gradients_by_finite_differences(backend, draw, gradients_are_right):
    cell = GRU(2, 4, backend=backend).double()
    assert gradients_are_right(cell, *draw(cell, 5, 3))


def test_an_open_update_gate_keeps_the_hidden_state():
    cell = GRU(2, 3, "study")
    with torch.no_grad():
        cell.bias[3:6] = 100
    kept = torch.randn(4, 3)
    _, (last,) = cell(torch.randn(50, 4, 2), (kept,))
    torch.testing.assert_close(last, kept)
