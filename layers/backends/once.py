"""Ways back that can be gone, but not differentiated, nor transformed."""

from collections.abc import Iterable
from typing import NoReturn

import torch
from torch import Tensor

from layers.backends.transforms import at_work, unusual


def lacking(given: Iterable[Tensor]) -> str:
    """What compiled code lacks for the way back that is to be gone now; '' if nothing.

    To be asked first in a way back. By torch's own once_differentiable, a gradient that is not to
    be had would count as a constant wherever the gradients that come in are constants, as of a sum.

    Args:
        given: the gradients that come in.
    """
    if torch.is_grad_enabled():
        return "second derivatives (create_graph)"
    more = at_work() or unusual(given)
    return more and f"way back for {more}"


def refuse(backend: str, lack: str) -> NoReturn:
    """Raise RuntimeError, which says what a backend lacks."""
    raise RuntimeError(f"backend {backend} has no {lack}; loop has")
