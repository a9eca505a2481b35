"""Ways back that can be gone, but not differentiated."""

import torch


def refuse_second_derivatives(backend: str) -> None:
    """To be called first in a way back.

    By torch's own once_differentiable, a gradient that is not to be had would count as a constant
    wherever the gradients that come in are constants, as of a sum.

    Raises:
        RuntimeError: there is to be a graph of the way back itself.
    """
    if torch.is_grad_enabled():
        raise RuntimeError(f"backend {backend} has no second derivatives (create_graph); loop has")
