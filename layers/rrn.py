"""The recurrent ReLU network."""

import math

import torch
from torch import Tensor, nn

from layers.initialization import check_gain
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

    Args:
        input_size: D, features of the input at a time step.
        hidden_size: H, units of the hidden state.
        initialization: how the first weights are drawn.
        backend: the way through time.
        inhibitory: whether recurrent weights are kept at or below zero, see :meth:`constrain`.

    Raises:
        ValueError: a size is below 1, or the initialization or the backend is unknown.
    """

    gate_blocks = 2
    state_tensors = 2
    bounded = False
    bounds = {"inc": (0.0, math.inf), "dec": (0.0, math.inf), "h": (0.0, math.inf)}

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        initialization: str = "torch",
        backend: str = "auto",
        inhibitory: bool = False,
    ) -> None:
        # Set first: the parent's constructor draws the parameters, and reads it.
        self.inhibitory = inhibitory
        super().__init__(input_size, hidden_size, initialization, backend)

    def reset_parameters(self) -> None:
        """Draw all parameters anew; inhibitory recurrent weights are the negated absolute ones."""
        super().reset_parameters()
        if self.inhibitory:
            self.weight_hh.detach().abs_().neg_()

    def constrain(self) -> None:
        """After a step of an optimiser, set recurrent weights above zero back to zero.

        If this layer is inhibitory, that is. Then no unit can drive another one, and since h ≥ 0,
        inc and dec are at most ReLU(W_ih x + b): the state grows with T at most linearly, where
        otherwise what is added may grow with the state, and the state exponentially.
        """
        if self.inhibitory:
            self.weight_hh.detach().clamp_(max=0)

    def latch(self, gain: float) -> None:
        """Keep what comes first, once it is there: W_hh = -a I, so a unit that is on closes both.

        It comes on by W_inc of the inputs, from U(0, 2); those of dec are 0.

        Args:
            gain: a; what comes later can still add to a unit that is below an a-th of it.

        Raises:
            ValueError: it is not above 1.
        """
        check_gain(gain)
        increment, decrement = self.weight_ih.detach().chunk(self.gate_blocks)
        increment.uniform_(0, 2)
        decrement.zero_()
        for block in self.weight_hh.detach().chunk(self.gate_blocks):
            nn.init.eye_(block).mul_(-gain)

    def advance(self, from_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """W x_t + b (B, 2H) and (h, c) to the next h (B, H) and the next (h, c)."""
        hidden, cell = state
        increment, decrement = self.gates(from_inputs, hidden).values()
        cell = cell + increment - decrement
        hidden = torch.relu(cell)
        return hidden, (hidden, cell)

    def gates(self, from_inputs: Tensor, hidden: Tensor) -> dict[str, Tensor]:
        """W x_t + b (B, 2H) and h_t (B, H) to inc and dec (B, H)."""
        both = torch.relu(self.preactivation(from_inputs, hidden))
        increment, decrement = both.chunk(self.gate_blocks, dim=1)
        return {"inc": increment, "dec": decrement}
