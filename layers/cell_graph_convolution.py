"""The graph convolution whose nodes have gates and a cell of their own."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layers.adjacency import check_nodes
from layers.initialization import initialize
from layers.sparse import Sparse, multiply


class CellGraphConvolution(nn.Module):
    """Graph convolution with the gates and the private cell of a long short-term memory.

    M = (1 - α) Â H + α H⁰
    i = σ(M W_i + b_i)
    f = σ(M W_f + b_f)
    o = σ(M W_o + b_o)
    C' = M ∘ i + C ∘ f
    H' = tanh(C') ∘ o

    Depth plays the part of time: one layer is one step, H (N, n) is what the nodes show to their
    neighbours, the message M what a node hears of them, and its cell C is never sent nor averaged.
    As many applications reach exactly as many hops far. In the beginning a node shows H⁰, made of
    its features, and its cell is empty or holds H⁰ too; a share α of H⁰, the node's own alone, is
    heard again at each layer.

    Where the plain graph convolution averages over and over until all nodes are alike, here the
    forget gates decide how much of what was heard near by outlasts what comes from afar. The gates
    are those of Hochreiter and Schmidhuber (1997) and Gers et al. (2000). Unlike in `layers.LSTM`
    the candidate is the message itself, not tanh(W_g M + U_g H + b_g), and the gates do not read
    H: from few labelled nodes, weights in the candidate learn these nodes by heart. M is the step
    of Klicpera et al. (2019), "Predict then propagate"; with α = 0 the cell alone has to keep what
    the nodes began with: then C⁰ = H⁰, and the forget bias is the logarithm of the depth.

    Kin: Li et al. (2016), "Gated graph sequence neural networks", step a gated recurrent unit
    over depth, which has no cell apart from what it sends; Huang and Carley (2019), "Residual or
    gate? Towards deeper graph neural networks for inductive graph representation learning", let a
    whole LSTM or GRU follow each graph layer. It is not GatedGCN, the name of the layer of Bresson
    and Laurent (2017), "Residual gated graph convnets", whose gates sit on edges.

    The gates lie in the order i, f, o: ``weight_ih`` (3n, n) stacks the W, transposed, and ``bias``
    (3n) the b. A network may apply one layer many times, whatever its depth, or one layer each.

    Args:
        hidden_size: n, features of H and of C.
        restart: α, from 0 to 1.
        forget_bias: added to the drawn b_f and taken from the drawn b_i, so that a cell starts out
            as the running mean of about the last 1 + exp(forget_bias) messages (Tallec and
            Ollivier 2018, "Can recurrent neural networks warp time?"). Without a restart nodes
            become alike unless this reaches the depth of the network.
        output_bias: added to the drawn b_o. High above 0 a node starts out showing its whole cell,
            so that what it shows does not die away over many layers.
        initialization: how the first weights are drawn, a name in `layers.INITIALIZATIONS`.

    Raises:
        ValueError: the size is below 1, the restart is not between 0 and 1, or the initialization
            is unknown.
    """

    def __init__(
        self,
        hidden_size: int,
        restart: float = 0.1,
        forget_bias: float = 1.0,
        output_bias: float = 3.0,
        initialization: str = "xavier",
    ) -> None:
        super().__init__()
        if hidden_size < 1:
            raise ValueError(f"hidden_size must be at least 1, got {hidden_size}")
        if not 0 <= restart <= 1:
            raise ValueError(f"restart must be from 0 to 1, got {restart}")
        self.hidden_size, self.restart = hidden_size, restart
        self.forget_bias, self.output_bias = forget_bias, output_bias
        self.initialization = initialization
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(3 * hidden_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew, and move the biases of the gates."""
        initialize(self, self.initialization, self.hidden_size)
        i, f, o = self.bias.detach().chunk(3)
        i.sub_(self.forget_bias)
        f.add_(self.forget_bias)
        o.add_(self.output_bias)

    def forward(
        self, hidden: Tensor, cell: Tensor, first: Tensor, adjacency: Sparse
    ) -> tuple[Tensor, Tensor]:
        """One layer: H, C and H⁰ (N, n) each, and Â (N, N), to H' and C' (N, n).

        Raises:
            ValueError: C or H⁰ is not as large as H, or Â is of other than N nodes.
        """
        check_nodes(adjacency, hidden=hidden, cell=cell, first=first)
        message = torch.lerp(multiply(adjacency, hidden), first, self.restart)
        gates = torch.sigmoid(F.linear(message, self.weight_ih, self.bias))
        i, f, o = gates.chunk(3, dim=1)
        cell = message * i + cell * f
        return torch.tanh(cell) * o, cell

    def extra_repr(self) -> str:
        """The arguments, for print."""
        return (
            f"{self.hidden_size}, restart={self.restart}, forget_bias={self.forget_bias}, "
            f"output_bias={self.output_bias}, initialization={self.initialization!r}"
        )
