"""The simple recurrent network: against torch.nn, and its gradient through time by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layers import RNN


@pytest.mark.parametrize("backend", ["loop", "numba"])
@pytest.mark.parametrize("from_zeros", [True, False])
@pytest.mark.parametrize("T, B, D, H", [(1, 1, 3, 4), (2, 1, 1, 1), (5, 3, 2, 6), (12, 4, 6, 3)])
def test_equals_torch(T, B, D, H, from_zeros, backend, assert_equals_torch):
    cell, twin = RNN(D, H, backend=backend).double(), nn.RNN(D, H).double()
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
    cell = RNN(2, 4, backend=backend).double()
    assert gradients_are_right(cell, *draw(cell, 5, 3))


class ByHand:
    """A classifier of the last hidden state, forward and backward written out, without autograd.

    p = W_ph h_T + b_p, softmax and cross-entropy, averaged over the batch.
    """

    T, B, D, H, classes = 7, 4, 2, 5, 10

    def __init__(self):
        self.cell = RNN(self.D, self.H).double()
        self.output = nn.Linear(self.H, self.classes).double()
        self.inputs = torch.randn(self.T, self.B, self.D, dtype=torch.float64)
        self.target = torch.randint(self.classes, (self.B,))

        W_hx, W_hh, b_h = (p.detach() for p in self.cell.parameters())
        self.W_hh, self.W_ph = W_hh, self.output.weight.detach()
        self.h = [torch.zeros(self.B, self.H, dtype=torch.float64)]
        for x in self.inputs:
            self.h.append(torch.tanh(x @ W_hx.T + self.h[-1] @ W_hh.T + b_h))

        p = self.h[-1] @ self.W_ph.T + self.output.bias.detach()
        y_hat = p.exp() / p.exp().sum(dim=1, keepdim=True)
        self.error = y_hat - torch.eye(self.classes, dtype=torch.float64)[self.target]

    def step_jacobian(self, t):
        """∂h_t/∂h_{t-1} = diag(1 - h_t²) W_hh, one (H, H) matrix an example."""
        return torch.diag_embed(1 - self.h[t] ** 2) @ self.W_hh

    def direct_jacobian(self, t):
        """∂h_t/∂W_hh with h_{t-1} held fixed: [b, k, i, j] is that of unit k by W_ij."""
        slope = torch.diag_embed(1 - self.h[t] ** 2)
        return slope[:, :, :, None] * self.h[t - 1][:, None, None, :]

    def recurrent_jacobian(self):
        """∂h_T/∂W_hh = Σ_t Π_j (∂h_{T-j+1}/∂h_{T-j}) ∂h_{T-t}/∂W_hh, equation 19 of the study."""
        total = torch.zeros(self.B, self.H, self.H, self.H, dtype=torch.float64)
        for t in range(self.T):
            product = torch.eye(self.H, dtype=torch.float64).expand(self.B, -1, -1)
            for j in range(1, t + 1):
                product = product @ self.step_jacobian(self.T - j + 1)
            total += torch.einsum("bkl,blij->bkij", product, self.direct_jacobian(self.T - t))
        return total

    def backward(self):
        """Let autograd do the same through the cell."""
        _, (last,) = self.cell(self.inputs)
        F.cross_entropy(self.output(last), self.target).backward()


def test_output_gradient_is_that_of_the_study():
    """Equation 11: ∂L/∂W_ph = (ŷ - y) h_Tᵀ, averaged over the batch."""
    hand = ByHand()
    hand.backward()
    torch.testing.assert_close(hand.output.weight.grad, hand.error.T @ hand.h[-1] / hand.B)


def test_recurrent_jacobian_is_that_of_the_study():
    hand = ByHand()
    # torch.func goes through torch's own operations alone.
    hand.cell.backend = "loop"

    def last_hidden(weight_hh):
        parameters = dict(hand.cell.named_parameters()) | {"weight_hh": weight_hh}
        _, (last,) = torch.func.functional_call(hand.cell, parameters, (hand.inputs,))
        return last

    jacobian = torch.func.jacrev(last_hidden)(hand.cell.weight_hh.detach())
    torch.testing.assert_close(jacobian, hand.recurrent_jacobian())


def test_recurrent_gradient_is_that_of_the_study():
    hand = ByHand()
    hand.backward()
    by_hidden = hand.error @ hand.W_ph / hand.B
    expected = torch.einsum("bk,bkij->ij", by_hidden, hand.recurrent_jacobian())
    torch.testing.assert_close(hand.cell.weight_hh.grad, expected)
