"""What torch does with operations besides carrying them out, of which compiled code knows nothing.

Compiled code works on memory: what it does would not be noted, or there is no memory to work on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

# torch tells these to nobody but itself. Should it stop to, none of it is taken to be at work.
_functions_are_transformed: Callable[[], bool] = getattr(
    torch._C, "_are_functorch_transforms_active", lambda: False
)
_modes_that_see_all: Callable[[], int] = getattr(torch._C, "_len_torch_dispatch_stack", lambda: 0)
_is_traced: Callable[[], bool] = torch.jit.is_tracing  # type: ignore[attr-defined]


def at_work() -> str:
    """What is done with all operations now, besides that they are carried out; '' if nothing."""
    # Asked first, since torch.compile cannot follow the other questions.
    if torch.compiler.is_compiling():
        return "torch.compile or torch.export"
    if _is_traced():
        return "torch.jit.trace"
    if _functions_are_transformed():
        return "the transforms of torch.func"
    if _modes_that_see_all():
        return "modes that see all operations, such as FakeTensorMode"
    return ""


def unusual(given: Iterable[Tensor], layer: nn.Module | None = None) -> str:
    """What some tensors are more than numbers in memory; '' if all are just that.

    Args:
        given: the tensors.
        layer: whose parameters are asked too; all are taken for what its `weight_hh` is, except
            that each may have a tangent of its own, since to list them takes longer than the rest.
    """
    asked = [*given] if layer is None else [*given, layer.weight_hh]
    for each in asked:
        if type(each) is not Tensor and type(each) is not nn.Parameter:
            return f"tensors of class {type(each).__name__}"
        try:
            in_memory = each.data_ptr() or not each.numel()
        except RuntimeError:
            in_memory = False
        if not in_memory:
            return "tensors without memory, such as a batch of gradients (is_grads_batched)"
    # Whatever has a tangent has it within a level.
    if getattr(forward_ad, "_current_level", 0) >= 0:
        parameters = () if layer is None else layer.parameters()
        for each in (*asked, *parameters):
            if forward_ad.unpack_dual(each).tangent is not None:  # type: ignore[no-untyped-call]
                return "forward-mode differentiation"
    return ""
