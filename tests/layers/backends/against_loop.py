"""A backend against the plain loop of a layer: what the tests of the GPU backends share."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from layers import Recurrent, State
from layers.backends.choice import walk


def draw(
    layer: Recurrent, T: int, B: int, places: bool = False, strided: bool = False
) -> tuple[Tensor, State]:
    """Draw inputs (T, B, D), or whole numbers (T, B), and a state, which want gradients."""
    like = {"dtype": layer.weight_hh.dtype, "device": layer.weight_hh.device}
    state = tuple(torch.randn(B, layer.hidden_size, **like) for _ in range(layer.state_tensors))
    if places:
        inputs = torch.randint(layer.input_size, (T, B), device=like["device"])
    else:
        inputs = torch.randn(T, B, layer.input_size, **like)
    if strided:
        # The same shapes, but no dimension lies where it would.
        inputs = inputs.repeat_interleave(2, -1).transpose(0, 1).contiguous()
        inputs = inputs.transpose(0, 1)[..., ::2]
        state = tuple(tensor.t().contiguous().t() for tensor in state)
    for leaf in (inputs, *state):
        if leaf.is_floating_point():
            leaf.requires_grad_()
    return inputs, state


def assert_equals_loop(
    layer: Recurrent,
    inputs: Tensor,
    state: State,
    weighed: tuple[int, ...] | None = None,
    all_steps: bool = True,
) -> None:
    """Check the backend of a layer: all outputs, and the gradients of all that want one.

    The loss weighs at random those outputs whose numbers are given: without all steps, the tensors
    of the last state; with them, all hidden states are 0 and the last state 1 and up. Tolerances
    are ten times those of torch for the type: sums are taken in another order.
    """
    leaves = [leaf for leaf in (inputs, *state, *layer.parameters()) if leaf.requires_grad]
    weighing: list[Tensor] = []
    outcomes = []
    for way in (layer.loop, partial(walk, layer)):
        hidden, last = way(inputs, state, all_steps)
        outputs = (hidden, *last) if all_steps else last
        weighing = weighing or [torch.randn_like(output) for output in outputs]
        chosen = range(len(outputs)) if weighed is None else weighed
        gradients = torch.autograd.grad(
            [outputs[k] for k in chosen],
            leaves,
            [weighing[k] for k in chosen],
            # Who reads only c of one step is not affected by the last matrix product.
            materialize_grads=True,
        )
        outcomes.append((outputs, gradients))
    (expected, expected_gradients), (outputs, gradients) = outcomes
    rtol, atol = (1e-6, 1e-6) if layer.bias.dtype == torch.float64 else (1.3e-5, 1e-4)
    torch.testing.assert_close(outputs, expected, rtol=rtol, atol=atol)
    for gradient, right in zip(gradients, expected_gradients, strict=True):
        # An entry of a gradient is a sum that may cancel: it is as exact as what it sums.
        scale = max([1.0, *right.abs().flatten().tolist()])
        torch.testing.assert_close(gradient, right, rtol=rtol, atol=atol * scale)
