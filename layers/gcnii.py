"""The graph convolution that can be stacked deep."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from layers.adjacency import check_nodes
from layers.initialization import initialize
from layers.sparse import Sparse, multiply


class GCNIIConvolution(nn.Module):
    """H' = σ(((1 - α) Â H + α H⁰) ((1 - β) I + β W)) with β = log(λ / l + 1) (Chen et al. 2020,
    "Simple and deep graph convolutional networks", equation 5).

    Each layer mixes in H⁰, the features that the first layer was given, and the deeper it lies the
    closer its map is to the identity. Neither changes how far it reaches: l layers, l hops.

    Args:
        size: D, features of a node, before and after the layer.
        layer: l, the number of the layer in its network, from 1.
        alpha: α, the share of H⁰, from 0 to 1.
        lam: λ, how much of a map the layers are.
        activation: σ; None is the identity.
        initialization: of W, a name in `layers.INITIALIZATIONS`; n is size there.

    Raises:
        ValueError: a number is out of its range, or the initialization is unknown.
    """

    def __init__(
        self,
        size: int,
        layer: int,
        alpha: float = 0.1,
        lam: float = 0.5,
        activation: Callable[[Tensor], Tensor] | None = None,
        initialization: str = "xavier",
    ) -> None:
        super().__init__()
        for name, number in (("size", size), ("layer", layer)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}")
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be between 0 and 1, got {alpha}")
        if not 0 <= lam < math.inf:
            raise ValueError(f"lam must be a number from 0, got {lam}")
        self.layer, self.alpha, self.lam = layer, alpha, lam
        self.activation, self.initialization = activation, initialization
        self.beta = math.log(lam / layer + 1)
        self.weight = nn.Parameter(torch.empty(size, size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        initialize(self, self.initialization, self.weight.shape[0])

    def forward(self, features: Tensor, first: Tensor, adjacency: Sparse) -> Tensor:
        """Features (N, D), H⁰ (N, D) and Â (N, N) to features (N, D).

        Raises:
            ValueError: H⁰ is not as large as the features, or Â is of other than N nodes.
        """
        check_nodes(adjacency, features=features, first=first)
        mixed = torch.lerp(multiply(adjacency, features), first, self.alpha)
        # (1 - β) M + β M W in one call, which makes no array but its result.
        result = torch.addmm(mixed, mixed, self.weight, beta=1 - self.beta, alpha=self.beta)
        return self.activation(result) if self.activation else result

    def extra_repr(self) -> str:
        """The arguments, for print."""
        return (
            f"{self.weight.shape[0]}, layer={self.layer}, alpha={self.alpha}, lam={self.lam}, "
            f"initialization={self.initialization!r}"
        )
