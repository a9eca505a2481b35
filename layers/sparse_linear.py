"""A linear map of features that may be sparse."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from layers.initialization import initialize
from layers.sparse import Sparse, multiply


class SparseLinear(nn.Module):
    """X W + b, as torch.nn.Linear, of a dense or a sparse X.

    Args:
        input_size: D, features of a row of X.
        output_size: D', of what they are mapped to.
        initialization: of W and b, a name in `layers.INITIALIZATIONS`; n is input_size there.

    Raises:
        ValueError: a size is below 1, or the initialization is unknown.
    """

    def __init__(self, input_size: int, output_size: int, initialization: str = "torch") -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("output_size", output_size)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        self.initialization = initialization
        self.weight = nn.Parameter(torch.empty(input_size, output_size))
        self.bias = nn.Parameter(torch.empty(output_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        initialize(self, self.initialization, self.weight.shape[0])

    def forward(self, features: Tensor | Sparse) -> Tensor:
        """Features (N, D) to (N, D')."""
        return multiply(features, self.weight) + self.bias

    def extra_repr(self) -> str:
        """The arguments, for print."""
        input_size, output_size = self.weight.shape
        return f"{input_size}, {output_size}, initialization={self.initialization!r}"
