"""The simple recurrent network."""

import torch
from torch import Tensor, nn

from layers.initialization import check_gain
from layers.recurrent import Recurrent, State


class RNN(Recurrent):
    """Simple recurrent network (Elman 1990, "Finding structure in time").

    h_t = tanh(W_hx x_t + W_hh h_{t-1} + b_h)

    ``weight_ih`` is W_hx, ``weight_hh`` is W_hh and ``bias`` is b_h of the study, "Recurrent
    Neural Networks and Graph Neural Networks" (2019). The state is (h,). With n hidden units
    and d inputs it has n² + dn + n parameters.
    """

    gate_blocks = 1
    state_tensors = 1
    bounds = {"h": (-1.0, 1.0)}

    def latch(self, gain: float) -> None:
        """Keep the sign that comes first: W_hh = a I, by which tanh has two stable points if a > 1.

        Input weights are 0.3 times what they were, too small to turn a unit over.

        Args:
            gain: a.

        Raises:
            ValueError: it is not above 1.
        """
        check_gain(gain)
        nn.init.eye_(self.weight_hh.detach()).mul_(gain)
        self.weight_ih.detach().mul_(0.3)

    def advance(self, from_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """W x_t + b (B, H) and (h,) to h_t (B, H) and (h_t,)."""
        (hidden,) = state
        hidden = torch.tanh(self.preactivation(from_inputs, hidden))
        return hidden, (hidden,)
