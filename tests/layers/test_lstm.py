"""The long short-term memory against torch.nn, and the bias of its forget gate."""

import pytest
import torch
from torch import nn

from layers import LSTM


@pytest.mark.parametrize("backend", ["loop", "numba"])
@pytest.mark.parametrize("from_zeros", [True, False])
@pytest.mark.parametrize("T, B, D, H", [(1, 1, 3, 4), (2, 1, 1, 1), (5, 3, 2, 6), (12, 4, 6, 3)])
def test_equals_torch(T, B, D, H, from_zeros, backend, assert_equals_torch):
    cell, twin = LSTM(D, H, backend=backend).double(), nn.LSTM(D, H).double()
    cell.load_state_dict(
        {
            "weight_ih": twin.weight_ih_l0,
            "weight_hh": twin.weight_hh_l0,
            "bias": twin.bias_ih_l0 + twin.bias_hh_l0,
        }
    )
    assert_equals_torch(cell, twin, T, B, from_zeros)


@pytest.mark.parametrize("backend", ["loop", "numba"])
def test_gradients_by_finite_differences(backend, draw, gradients_are_right):
    cell = LSTM(2, 4, backend=backend).double()
    assert gradients_are_right(cell, *draw(cell, 5, 3))


@pytest.mark.parametrize("initialization", ["study", "torch"])
def test_forget_bias_lifts_only_the_forget_gate(initialization):
    torch.manual_seed(3)
    plain = LSTM(4, 5, initialization)
    torch.manual_seed(3)
    lifted = LSTM(4, 5, initialization, forget_bias=1.5)
    assert torch.equal(lifted.weight_ih, plain.weight_ih)
    assert torch.equal(lifted.weight_hh, plain.weight_hh)
    expected = torch.tensor([0.0, 1.5, 0.0, 0.0]).repeat_interleave(5)
    torch.testing.assert_close(lifted.bias - plain.bias, expected)


def test_forget_bias_survives_a_reset():
    cell = LSTM(4, 5, "xavier", forget_bias=1.0)
    cell.reset_parameters()
    assert torch.equal(cell.bias, torch.tensor([0.0, 1.0, 0.0, 0.0]).repeat_interleave(5))


def test_an_open_forget_gate_and_a_shut_input_gate_keep_the_cell():
    cell = LSTM(2, 3, "study")
    with torch.no_grad():
        cell.bias[:3] = -100
        cell.bias[3:6] = 100
    kept = torch.randn(4, 3)
    _, (_, last) = cell(torch.randn(50, 4, 2), (torch.zeros(4, 3), kept))
    torch.testing.assert_close(last, kept)
