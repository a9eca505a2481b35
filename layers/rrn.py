"""The recurrent ReLU network."""

import torch
from torch import Tensor

from layers.recurrent import Recurrent, State


class RRN(Recurrent):
    """Recurrent ReLU network, of "Recurrent Neural Networks and Graph Neural Networks" (2019).

    inc = ReLU([h_t, x_t] W_inc + b_inc)
    dec = ReLU([h_t, x_t] W_dec + b_dec)
    c_{t+1} = c_t + inc - dec
    h_{t+1} = ReLU(c_{t+1})

    The cell state is only ever added to, so along it the gradient goes back in time unscaled; and
    since what is added grows with the state, nothing bounds it on a long sequence.
    The blocks lie in the order inc, dec; ``weight_hh`` and ``weight_ih`` are the rows of W that
    meet h and x, transposed. The state is (h, c). With n hidden units and d inputs it has
    2(n² + dn + n) parameters.
    """

    gate_blocks = 2
    state_tensors = 2
    bounded = False

    def advance(self, from_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """W x_t + b (B, 2H) and (h, c) to the next h (B, H) and the next (h, c)."""
        hidden, cell = state
        both = torch.relu(self.preactivation(from_inputs, hidden))
        increment, decrement = both.chunk(self.gate_blocks, dim=1)
        cell = cell + increment - decrement
        hidden = torch.relu(cell)
        return hidden, (hidden, cell)
