"""A walk takes denormal numbers for zero, and leaves everything else as it was."""

import sys

import pytest
import torch

from layers import LSTM
from layers.backends.denormals import flushed
from tests.layers.backends.problems import every_cell, problem

pytestmark = pytest.mark.skipif(
    not torch.set_flush_denormal(False), reason="this CPU cannot flush denormal numbers"
)

LEAST = torch.finfo(torch.float32).tiny


@pytest.fixture
def afterwards_not():
    yield
    torch.set_flush_denormal(False)


def is_flushing():
    found = float(torch.tensor(LEAST) / 2) == 0
    assert found == (sys.float_info.min / 2 == 0)
    return found


def test_only_within():
    assert not is_flushing()
    with flushed():
        assert is_flushing()
    assert not is_flushing()
    with pytest.raises(KeyError), flushed():
        raise KeyError
    assert not is_flushing()


def test_who_flushes_goes_on(afterwards_not):
    torch.set_flush_denormal(True)
    with flushed():
        assert is_flushing()
    assert is_flushing()


@every_cell
def test_a_gradient_that_vanishes_ends_in_zeros(cell_type):
    layer, inputs, state = problem(cell_type, "dense", 6, 3, 2, 4, torch.float32)
    first = state[0].detach().requires_grad_()
    hidden, _ = layer(inputs.detach(), (first, *state[1:]))
    (hidden[-1] * LEAST).sum().backward()
    assert not is_flushing()
    sizes = first.grad.abs()
    assert ((sizes == 0) | (sizes >= LEAST)).all()


def test_it_is_the_gradient_of_the_loop_but_for_these():
    layer, inputs, state = problem(LSTM, "dense", 6, 3, 2, 4, torch.float32)
    gradients = []
    for layer.backend in ("loop", "numba"):
        first = state[0].detach().requires_grad_()
        hidden, _ = layer(inputs.detach(), (first, *state[1:]))
        (hidden[-1] * 1e-36).sum().backward()
        gradients.append(first.grad)
    assert 0 < float(gradients[0].abs().min()) < LEAST < float(gradients[0].abs().max())
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=4 * LEAST)
