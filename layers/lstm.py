"""The long short-term memory."""

import torch
from torch import Tensor, nn

from layers.initialization import check_gain, check_longest, find_initialization
from layers.recurrent import Recurrent, State


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

    i = σ(W_i x_t + U_i h_{t-1} + b_i)
    f = σ(W_f x_t + U_f h_{t-1} + b_f)
    g = tanh(W_g x_t + U_g h_{t-1} + b_g)
    o = σ(W_o x_t + U_o h_{t-1} + b_o)
    c_t = g ∘ i + c_{t-1} ∘ f
    h_t = tanh(c_t) ∘ o

    As in the study, "Recurrent Neural Networks and Graph Neural Networks" (2019). The gates lie
    in the order i, f, g, o, as in torch.nn.LSTM; ``weight_ih`` stacks the W, ``weight_hh`` the U
    and ``bias`` the b. The state is (h, c). With n hidden units and d inputs it has
    4(n² + dn + n) parameters.

    Args:
        input_size: D, features of the input at a time step.
        hidden_size: H, units of the hidden state.
        initialization: how the first weights are drawn.
        forget_bias: added to the drawn b_f. Above 0 the cell starts out remembering
            (Jozefowicz, Zaremba and Sutskever 2015).
        backend: the way through time.

    Raises:
        ValueError: a size is below 1, or the initialization or the backend is unknown.
    """

    gate_blocks = 4
    state_tensors = 2
    bounds = {"i": (0.0, 1.0), "f": (0.0, 1.0), "g": (-1.0, 1.0), "o": (0.0, 1.0), "h": (-1.0, 1.0)}

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        initialization: str = "torch",
        forget_bias: float = 0.0,
        backend: str = "auto",
    ) -> None:
        # Set first: the parent's constructor draws the parameters, and reads it.
        self.forget_bias = forget_bias
        super().__init__(input_size, hidden_size, initialization, backend)

    def reset_parameters(self) -> None:
        """Draw all parameters anew, and lift the bias of the forget gate.

        Raises:
            ValueError: the initialization is one that sets this bias itself.
        """
        if self.forget_bias and find_initialization(self.initialization).arrange:
            raise ValueError(
                f"forget_bias must be 0 with initialization {self.initialization}, which sets that "
                f"bias itself, got {self.forget_bias:g}"
            )
        super().reset_parameters()
        _, forget, _, _ = self.bias.detach().chunk(self.gate_blocks)
        forget.add_(self.forget_bias)

    def remember_for(self, longest: float) -> None:
        """Draw b_f = log u with u from U(1, longest - 1), and b_i = -b_f: see ``chrono``.

        Args:
            longest: T, steps; above 2.

        Raises:
            ValueError: it is not.
        """
        check_longest(longest)
        inputs, forget, _, _ = self.bias.detach().chunk(self.gate_blocks)
        forget.uniform_(1, longest - 1).log_()
        inputs.copy_(-forget)

    def latch(self, gain: float) -> None:
        """Keep what comes first, once it is there: W_g ≥ 0, and a unit that is on closes its gate.

        b_f = 10, b_i = 2, W_g from U(0, 2), U = 0 but U_i = -20 a I.

        Args:
            gain: a.

        Raises:
            ValueError: it is not above 1.
        """
        check_gain(gain)
        inputs, forget, _, _ = self.bias.detach().chunk(self.gate_blocks)
        inputs.fill_(2)
        forget.fill_(10)
        self.weight_ih.detach().chunk(self.gate_blocks)[2].uniform_(0, 2)
        self.weight_hh.detach().zero_()
        nn.init.eye_(self.weight_hh.detach()[: self.hidden_size]).mul_(-20 * gain)

    def advance(self, from_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """W x_t + b (B, 4H) and (h, c) to h_t (B, H) and (h_t, c_t)."""
        hidden, cell = state
        i, f, g, o = self.gates(from_inputs, hidden).values()
        cell = g * i + cell * f
        hidden = torch.tanh(cell) * o
        return hidden, (hidden, cell)

    def gates(self, from_inputs: Tensor, hidden: Tensor) -> dict[str, Tensor]:
        """W x_t + b (B, 4H) and h_{t-1} (B, H) to i, f, g and o (B, H)."""
        i, f, g, o = self.preactivation(from_inputs, hidden).chunk(self.gate_blocks, dim=1)
        return {
            "i": torch.sigmoid(i),
            "f": torch.sigmoid(f),
            "g": torch.tanh(g),
            "o": torch.sigmoid(o),
        }
