"""The gated recurrent unit."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layers.initialization import check_gain, check_longest
from layers.recurrent import Recurrent, State


class GRU(Recurrent):
    """Gated recurrent unit (Cho et al. 2014, version 1 of the paper), as torch.nn.GRU.

    r = σ(W_r x_t + U_r h_{t-1} + b_r)
    z = σ(W_z x_t + U_z h_{t-1} + b_z)
    n = tanh(W_n x_t + b_n + r ∘ (U_n h_{t-1} + b_hn))
    h_t = (1 - z) ∘ n + z ∘ h_{t-1}

    The reset gate r acts after the product with U_n, so the candidate n needs a bias on either
    side of r: ``bias_hn`` (H) is the one inside. The gates lie in the order r, z, n; ``weight_ih``
    stacks the W, ``weight_hh`` the U and ``bias`` the b. The state is (h,). With n hidden units
    and d inputs it has 3(n² + dn + n) + n parameters.
    """

    gate_blocks = 3
    state_tensors = 1
    bounds = {"r": (0.0, 1.0), "z": (0.0, 1.0), "n": (-1.0, 1.0), "h": (-1.0, 1.0)}

    def create_parameters(self) -> None:
        """Make room for the parameters, the recurrent bias of the candidate among them."""
        super().create_parameters()
        self.bias_hn = nn.Parameter(torch.empty(self.hidden_size))

    def remember_for(self, longest: float) -> None:
        """Draw b_z = log u with u from U(1, longest - 1): see ``chrono``.

        Args:
            longest: T, steps; above 2.

        Raises:
            ValueError: it is not.
        """
        check_longest(longest)
        self.bias.detach().chunk(self.gate_blocks)[1].uniform_(1, longest - 1).log_()

    def latch(self, gain: float) -> None:
        """Keep what comes first, once it is there: W_n ≥ 0, and a unit that is on closes its gate.

        b_z = -2, W_n from U(0, 2), U = 0 but U_z = 20 a I.

        Args:
            gain: a.

        Raises:
            ValueError: it is not above 1.
        """
        check_gain(gain)
        self.bias.detach().chunk(self.gate_blocks)[1].fill_(-2)
        self.weight_ih.detach().chunk(self.gate_blocks)[2].uniform_(0, 2)
        self.weight_hh.detach().zero_()
        nn.init.eye_(self.weight_hh.detach().chunk(self.gate_blocks)[1]).mul_(20 * gain)

    def advance(self, from_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """W x_t + b (B, 3H) and (h,) to h_t (B, H) and (h_t,)."""
        (hidden,) = state
        _, z, n = self.gates(from_inputs, hidden).values()
        hidden = (1 - z) * n + z * hidden
        return hidden, (hidden,)

    def gates(self, from_inputs: Tensor, hidden: Tensor) -> dict[str, Tensor]:
        """W x_t + b (B, 3H) and h_{t-1} (B, H) to r, z and n (B, H)."""
        # Not added to what comes from the inputs, unlike in other cells: r scales only this part.
        from_hidden = F.linear(hidden, self.weight_hh)
        r_inputs, z_inputs, n_inputs = from_inputs.chunk(self.gate_blocks, dim=1)
        r_hidden, z_hidden, n_hidden = from_hidden.chunk(self.gate_blocks, dim=1)
        r = torch.sigmoid(r_inputs + r_hidden)
        z = torch.sigmoid(z_inputs + z_hidden)
        n = torch.tanh(n_inputs + r * (n_hidden + self.bias_hn))
        return {"r": r, "z": z, "n": n}
