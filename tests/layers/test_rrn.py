"""The recurrent ReLU network against the study's own notation, written out separately."""

import pytest
import torch
from torch import nn

from layers import RRN


class Study(nn.Module):
    """[h, x] W with the four parts of W_inc and W_dec apart, and ReLU as a maximum with 0."""

    def __init__(self, D, H):
        super().__init__()
        self.inc_h, self.dec_h = (nn.Parameter(torch.randn(H, H) / H) for _ in range(2))
        self.inc_x, self.dec_x = (nn.Parameter(torch.randn(D, H) / D) for _ in range(2))
        self.b_inc, self.b_dec = (nn.Parameter(torch.randn(H) / H) for _ in range(2))

    def forward(self, inputs, h, c):
        """All hidden states, the last of them, the last cell; and what each ReLU was given."""
        W_inc = torch.cat((self.inc_h, self.inc_x))
        W_dec = torch.cat((self.dec_h, self.dec_x))
        hidden, before_relu = [], []
        for x in inputs:
            both = torch.cat((h, x), dim=1)
            inc, dec = both @ W_inc + self.b_inc, both @ W_dec + self.b_dec
            c = c + inc.clamp(min=0) - dec.clamp(min=0)
            h = c.clamp(min=0)
            hidden.append(h)
            before_relu += [inc, dec, c]
        return (torch.stack(hidden), h, c), before_relu

    def copy_into(self, cell):
        cell.load_state_dict(
            {
                "weight_ih": torch.cat((self.inc_x.T, self.dec_x.T)),
                "weight_hh": torch.cat((self.inc_h.T, self.dec_h.T)),
                "bias": torch.cat((self.b_inc, self.b_dec)),
            }
        )


@pytest.mark.parametrize("backend", ["loop", "numba"])
@pytest.mark.parametrize("from_zeros", [True, False])
@pytest.mark.parametrize("T, B, D, H", [(1, 1, 3, 4), (2, 1, 1, 2), (5, 3, 2, 6), (12, 4, 6, 3)])
def test_equals_the_study(T, B, D, H, from_zeros, backend, draw):
    cell, study = RRN(D, H, backend=backend).double(), Study(D, H).double()
    study.copy_into(cell)
    inputs, state = draw(cell, T, B)
    start = tuple(torch.zeros_like(tensor) for tensor in state) if from_zeros else state

    hidden, last = cell(inputs, None if from_zeros else state)
    outputs = (hidden, *last)
    study_outputs, _ = study(inputs, *start)
    torch.testing.assert_close(outputs, study_outputs)

    leaves = (inputs,) if from_zeros else (inputs, *state)
    weighing = [torch.randn_like(output) for output in outputs]
    by_ours = torch.autograd.grad(outputs, (*leaves, *cell.parameters()), weighing)
    study_parameters = dict(study.named_parameters())
    by_theirs = torch.autograd.grad(study_outputs, (*leaves, *study_parameters.values()), weighing)
    theirs = dict(zip(study_parameters, by_theirs[len(leaves) :], strict=True))
    expected = (
        *by_theirs[: len(leaves)],
        torch.cat((theirs["inc_x"].T, theirs["dec_x"].T)),
        torch.cat((theirs["inc_h"].T, theirs["dec_h"].T)),
        torch.cat((theirs["b_inc"], theirs["b_dec"])),
    )
    torch.testing.assert_close(by_ours, expected)


@pytest.mark.parametrize("backend", ["loop", "numba"])
def test_gradients_by_finite_differences(backend, draw, gradients_are_right):
    cell, study = RRN(2, 4, backend=backend).double(), Study(2, 4).double()
    study.copy_into(cell)
    inputs, state = draw(cell, 5, 3)

    # A ReLU has no derivative at 0: finite differences must stay on one side of it, and to
    # prove anything both sides must occur.
    _, before_relu = study(inputs, *state)
    assert torch.stack(before_relu).abs().min() > 1e-4
    for kind in (before_relu[0::3], before_relu[1::3], before_relu[2::3]):
        assert 0.1 < (torch.stack(kind) > 0).double().mean() < 0.9

    assert gradients_are_right(cell, inputs, state)


def test_the_gradient_of_the_cell_does_not_fade():
    """With nothing fed back from h, ∂c_T/∂c_0 is the identity however long the sequence."""
    cell = RRN(2, 3).double()
    nn.init.zeros_(cell.weight_hh)
    start = torch.randn(1, 3, dtype=torch.float64, requires_grad=True)
    inputs = torch.randn(500, 1, 2, dtype=torch.float64)
    _, (_, last) = cell(inputs, (torch.zeros(1, 3, dtype=torch.float64), start))
    (gradient,) = torch.autograd.grad(last.sum(), start)
    assert torch.equal(gradient, torch.ones_like(start))


# Inhibitory


@pytest.mark.parametrize("name", ["study", "xavier", "orthogonal", "torch", "identity"])
def test_inhibitory_weights_begin_at_or_below_zero_and_return_there(name):
    torch.manual_seed(1)
    free = RRN(3, 5, name)
    torch.manual_seed(1)
    cell = RRN(3, 5, name, inhibitory=True)
    assert torch.equal(cell.weight_hh, -free.weight_hh.abs())
    assert torch.equal(cell.weight_ih, free.weight_ih) and torch.equal(cell.bias, free.bias)
    with torch.no_grad():
        cell.weight_hh.copy_(torch.randn(10, 5))
    stepped = cell.weight_hh.clone()
    cell.constrain()
    assert torch.equal(cell.weight_hh, stepped.clamp(max=0)) and stepped.max() > 0


def test_free_weights_are_not_constrained():
    cell = RRN(3, 5)
    before = cell.weight_hh.clone()
    cell.constrain()
    assert torch.equal(cell.weight_hh, before) and before.max() > 0


def test_the_state_of_inhibitory_weights_grows_at_most_linearly():
    """Where that of the same weights turned positive explodes."""
    torch.manual_seed(1)
    inputs = torch.randn(300, 7, 3, dtype=torch.double)
    cell = RRN(3, 20, inhibitory=True).double()
    largest = torch.relu(cell.project(inputs)).sum(dim=0).max()
    _, (_, state) = cell(inputs)
    assert state.abs().max() <= largest
    with torch.no_grad():
        cell.weight_hh[:20].neg_().add_(0.1)
    _, (_, state) = cell(inputs)
    assert state.abs().max() > 1e6 * largest
