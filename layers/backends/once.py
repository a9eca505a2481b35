"""Ways back that can be gone, but not differentiated; nor is there one along the way there."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.autograd import forward_ad


def refuse_second_derivatives(backend: str) -> None:
    """To be called first in a way back.

    By torch's own once_differentiable, a gradient that is not to be had would count as a constant
    wherever the gradients that come in are constants, as of a sum.

    Raises:
        RuntimeError: there is to be a graph of the way back itself.
    """
    if torch.is_grad_enabled():
        raise RuntimeError(f"backend {backend} has no second derivatives (create_graph); loop has")


def refuse_forward_derivatives(backend: str, given: Iterable[Tensor]) -> None:
    """To be called where no graph is made: torch refuses by itself where there is one.

    Raises:
        NotImplementedError: something given has a tangent, which would be lost.
    """
    if forward_ad._current_level >= 0 and any(
        forward_ad.unpack_dual(each).tangent is not None  # type: ignore[no-untyped-call]
        for each in given
    ):
        raise NotImplementedError(f"backend {backend} has no forward derivatives; loop has")
