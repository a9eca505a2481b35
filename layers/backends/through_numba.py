"""A layer's whole sequence on a CPU by a compiled walk, as a step of torch's own graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from layers.backends.blas import IS_THERE
from layers.backends.cells import CELLS
from layers.backends.compiled_walk import Walk
from layers.backends.once import lacking, refuse
from layers.gru import GRU

if TYPE_CHECKING:
    from layers.recurrent import Recurrent, State


class ThroughTime(torch.autograd.Function):
    """A walk through time with its way back.

    A way back that is itself to be differentiated, or that torch transforms, is gone by the plain
    loop where the layer leaves it open how it is walked.
    """

    @staticmethod
    def forward(
        ctx: Any,
        layer: Recurrent,
        kind: str,
        gives: bool,
        inputs: Tensor,
        bias: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        *state: Tensor,
    ) -> tuple[Tensor, ...]:
        cell = CELLS[type(layer)]
        walk = Walk(cell, kind, inputs, bias, weight_ih, weight_hh, True, gives)
        given = walk.forwards(state)
        ctx.walk = walk
        # Not the layer itself, which may hold what it gave.
        ctx.equations, ctx.is_open = type(layer), layer.backend == "auto"
        ctx.kind, ctx.gives = kind, gives
        # Read by the plain loop; and who changes one of them before the way back is told.
        ctx.taken = 4 + len(state)
        ctx.save_for_backward(
            inputs, bias, weight_ih, weight_hh, *state, *(given[:1] if gives else ())
        )
        ctx.set_materialize_grads(False)
        return given

    @staticmethod
    def backward(ctx: Any, *d_given: Tensor | None) -> Any:
        taken = ctx.saved_tensors[: ctx.taken]
        wanted = ctx.needs_input_grad[3:]
        if lack := lacking(each for each in d_given if each is not None):
            if not ctx.is_open:
                refuse("numba", lack)
            return None, None, None, *_by_loop(ctx, taken, d_given, wanted)
        wants_inputs, *wants_parameters = wanted[:4]
        d_inputs = taken[0].new_empty(taken[0].shape) if wants_inputs else None
        walk = ctx.walk
        d_parameters = walk.backwards(d_given, d_inputs, any(wants_parameters), any(wanted[4:]))
        d_state = (
            each.clone() if wants else None
            for each, wants in zip(walk.d_first, wanted[4:], strict=False)
        )
        return None, None, None, d_inputs, *(d_parameters or (None,) * 3), *d_state


def _by_loop(
    ctx: Any,
    taken: Sequence[Tensor],
    d_given: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """The gradients of what a walk took, as `ThroughTime.backward` gives them."""
    further = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views, so that what one was made of does not count for the other.
        views = [each.view_as(each) for each in taken]
        inputs, bias, weight_ih, weight_hh, *state = views
        layer = _layer_of(ctx.equations, bias, weight_ih, weight_hh)
        if ctx.kind == "numbers":
            inputs = inputs.unsqueeze(2)
        hidden, last = layer.loop(inputs, (*state,) or None, ctx.gives)
        given = last if hidden is None else (hidden, *last[1:])
        ends = [
            (one, d_one) for one, d_one in zip(given, d_given, strict=True) if d_one is not None
        ]
        gradients = iter(
            torch.autograd.grad(
                [one for one, _ in ends],
                [each for each, wants in zip(views, wanted, strict=True) if wants],
                [d_one for _, d_one in ends],
                create_graph=further,
                allow_unused=True,
            )
        )
    return [next(gradients) if wants else None for wants in wanted]


def obstacle(layer: Recurrent) -> str:
    """Why a layer cannot be walked here; '' if it can."""
    weight = layer.weight_hh
    if type(layer) not in CELLS:
        return f"there are no kernels for {type(layer).__name__}"
    if weight.device.type != "cpu":
        return f"it is for the CPU, and the layer is on {weight.device.type}"
    if weight.dtype not in (torch.float32, torch.float64):
        return f"it knows float32 and float64, not {str(weight.dtype).removeprefix('torch.')}"
    if torch.is_autocast_enabled("cpu"):
        return "it knows no autocast"
    if not IS_THERE:
        return "torch hides its matrix products from compiled code here"
    return ""


def run(
    layer: Recurrent, inputs: Tensor, state: State | None, all_steps: bool
) -> tuple[Tensor | None, State]:
    """Walk a layer through time, as :func:`layers.backends.choice.walk`.

    Raises:
        RuntimeError: a parameter has not the shape or the type that it was made with, or the inputs
            are of another type.
        IndexError: a whole number is not below D.
    """
    state = () if state is None else state
    _check(layer)
    weight_ih, bias = _rows(layer)
    kind, inputs = _kind(layer, inputs, has_blanks=len(bias) > len(weight_ih))
    given = (inputs, bias, weight_ih, layer.weight_hh, *state)
    if torch.is_grad_enabled() and any(each.requires_grad for each in given):
        first, *others = ThroughTime.apply(layer, kind, all_steps, *given)  # type: ignore[no-untyped-call]
    else:
        cell = CELLS[type(layer)]
        walk = Walk(cell, kind, inputs, bias, weight_ih, layer.weight_hh, False, all_steps)
        first, *others = walk.forwards(state)
    if all_steps:
        return first, (first[-1].clone(), *others)
    return None, (first, *others)


def _check(layer: Recurrent) -> None:
    """Compiled code trusts what it is given: see to it that it may."""
    dtype, rows = layer.weight_hh.dtype, layer.gate_blocks * layer.hidden_size
    expected = {
        "weight_ih": (rows, layer.input_size),
        "weight_hh": (rows, layer.hidden_size),
        "bias": (rows,),
    }
    if isinstance(layer, GRU):
        expected["bias_hn"] = (layer.hidden_size,)
    for name, shape in expected.items():
        found = getattr(layer, name)
        if found.shape != shape or found.dtype != dtype:
            raise RuntimeError(
                f"{name} must be {shape} of {dtype}, got {(*found.shape,)} of {found.dtype}"
            )


def _rows(layer: Recurrent) -> tuple[Tensor, Tensor]:
    """Input weights and bias in the order of the products."""
    weight_ih: Tensor = layer.weight_ih
    bias: Tensor = layer.bias
    if not isinstance(layer, GRU):
        return weight_ih, bias
    r, z, n = weight_ih.chunk(3)
    b_r, b_z, b_n = bias.chunk(3)
    return torch.cat((n, r, z)), torch.cat((b_n, b_r, b_z, layer.bias_hn))


def _layer_of(
    equations: type[Recurrent], bias: Tensor, weight_ih: Tensor, weight_hh: Tensor
) -> Recurrent:
    """A layer to walk by its plain loop, of parameters in the order of the products.

    These are tensors of any kind, and nothing is drawn, which some transforms forbid.
    """
    layer = equations.__new__(equations)
    nn.Module.__init__(layer)
    layer.input_size, layer.hidden_size = weight_ih.shape[1], weight_hh.shape[1]
    if equations is GRU:
        n, r, z = weight_ih.chunk(3)
        b_n, b_r, b_z, b_hn = bias.chunk(4)
        weight_ih, bias = torch.cat((r, z, n)), torch.cat((b_r, b_z, b_n))
        layer.bias_hn = b_hn
    for name, each in (("weight_ih", weight_ih), ("weight_hh", weight_hh), ("bias", bias)):
        setattr(layer, name, each)
    return layer


def _kind(layer: Recurrent, inputs: Tensor, has_blanks: bool) -> tuple[str, Tensor]:
    """The kind of the inputs, and these as a `Walk` takes them.

    Args:
        has_blanks: whether there are columns of the products that no input goes to.
    """
    if not inputs.is_floating_point():
        # Of no numbers there is no least.
        if len(inputs[0]) and not 0 <= int(inputs.min()) <= int(inputs.max()) < layer.input_size:
            raise IndexError(f"inputs must be whole numbers from 0 to {layer.input_size - 1}")
        return "places", inputs
    if inputs.dtype != layer.weight_ih.dtype:
        raise RuntimeError(
            f"inputs and weights must have the same dtype, got {inputs.dtype} and "
            f"{layer.weight_ih.dtype}"
        )
    # Infinite inputs are left to the product where there are blanks, by which they would make what
    # is no number.
    is_number = layer.input_size == 1 and not inputs.requires_grad
    if is_number and not (has_blanks and inputs.isinf().any()):
        return "numbers", inputs.squeeze(2)
    return "vectors", inputs
