"""The graph convolution."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from layers.initialization import initialize
from layers.sparse import Sparse, multiply


class GraphConvolution(nn.Module):
    """H' = σ(Â H W + b) (Kipf and Welling 2017, "Semi-supervised classification with graph
    convolutional networks", equation 2).

    Each node takes up the features of its neighbours and of itself, weighted as Â says, so that n
    layers reach exactly n hops far. Of the two products the cheaper order is taken: narrower
    features travel along the edges.

    Args:
        input_size: D, features of a node.
        output_size: D', features of a node after the layer.
        activation: σ; None is the identity.
        initialization: of W and b, a name in `layers.INITIALIZATIONS`; n is input_size there.
        bias: whether there is a b.

    Raises:
        ValueError: a size is below 1, or the initialization is unknown.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        activation: Callable[[Tensor], Tensor] | None = None,
        initialization: str = "xavier",
        bias: bool = True,
    ) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("output_size", output_size)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        self.activation, self.initialization = activation, initialization
        self.weight = nn.Parameter(torch.empty(input_size, output_size))
        self.bias = nn.Parameter(torch.empty(output_size)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        initialize(self, self.initialization, self.weight.shape[0])

    def forward(self, features: Tensor | Sparse, adjacency: Sparse) -> Tensor:
        """Features (N, D) and Â (N, N) to features (N, D')."""
        input_size, output_size = self.weight.shape
        # Sparse features are never as many as the dense ones that the first product makes of them.
        if isinstance(features, Sparse) or output_size <= input_size:
            result = multiply(adjacency, multiply(features, self.weight))
        else:
            result = multiply(adjacency, features) @ self.weight
        if self.bias is not None:
            result = result + self.bias
        return self.activation(result) if self.activation else result

    def extra_repr(self) -> str:
        """The arguments, for print."""
        input_size, output_size = self.weight.shape
        return f"{input_size}, {output_size}, initialization={self.initialization!r}"
