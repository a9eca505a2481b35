"""RNN, LSTM and GRU by torch's own sequence kernels: cuDNN's on a GPU, torch's on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from layers.gru import GRU
from layers.lstm import LSTM
from layers.rnn import RNN

if TYPE_CHECKING:
    from layers.recurrent import Recurrent, State

TYPES = {
    "cpu": (torch.float32, torch.float64),
    "cuda": (torch.float32, torch.float64, torch.float16),
}
"""Types of the weights, by the device where there are kernels."""


def obstacle(layer: Recurrent) -> str:
    """Why a layer cannot be walked here; '' if it can."""
    weight = layer.weight_hh
    # Not of a subclass, which may have changed the equations.
    if type(layer) not in (RNN, LSTM, GRU):
        return f"torch has no kernel for {type(layer).__name__}"
    if weight.device.type not in TYPES:
        return f"it is for a CPU or a GPU of CUDA, and the layer is on {weight.device.type}"
    if weight.dtype not in TYPES[weight.device.type]:
        return f"it does not know {str(weight.dtype).removeprefix('torch.')}"
    return ""


def run(
    layer: Recurrent, inputs: Tensor, state: State | None, all_steps: bool
) -> tuple[Tensor | None, State]:
    """Walk a layer through time, as :func:`layers.backends.choice.walk`, in one call of torch.

    Gradients flow to the parameters of the layer, and stay where these are: nothing is stored
    anywhere else. The last state comes apart from the hidden states of all steps, so that who wants
    no other has no gradient of all of them to make.

    On a GPU, products of float32 are rounded as `torch.backends.cudnn.allow_tf32` says, which torch
    allows by default; so they are in torch.nn.

    Under autocast all is computed in autocast's type, and returned in it, as by torch.nn on a GPU.
    Where there is no kernel for that type, all is in the type of the weights: cuDNN as torch calls
    it knows no bfloat16, and would leave torch to walk step by step; not every CPU knows float16.
    """
    kind, state = inputs.device.type, layer.state_before(inputs, state)
    dtype = _computed_in(layer.weight_hh)
    if not inputs.is_floating_point():
        # The kernels read vectors. Rows of an identity matrix want no gradient and, unlike
        # F.one_hot, are of the right type at once.
        ones = torch.eye(layer.input_size, dtype=dtype, device=inputs.device)
        inputs = F.embedding(inputs, ones)
    if torch.is_autocast_enabled(kind):
        inputs, state = inputs.to(dtype), tuple(tensor.to(dtype) for tensor in state)
    with torch.autocast(kind, enabled=False):
        hidden, state = _call(layer, inputs, state, _weights(layer, dtype))
    return hidden if all_steps else None, state


def _call(
    layer: Recurrent, inputs: Tensor, state: State, weights: tuple[Tensor, ...]
) -> tuple[Tensor, State]:
    # cuDNN takes inputs that lie anyhow, but not states.
    first = [tensor.contiguous()[None] for tensor in state]
    # What cuDNN needs to go back through time is kept if there may be a way back, not if the
    # layer is in training mode: without dropout that is all the flag does.
    rest = (
        True,  # There are biases,
        1,  # one layer
        0.0,  # and no dropout;
        torch.is_grad_enabled(),
        False,  # one direction only,
        False,  # and time comes first.
    )
    if isinstance(layer, LSTM):
        hidden, *last = torch._VF.lstm(inputs, first, weights, *rest)
    elif isinstance(layer, GRU):
        hidden, *last = torch._VF.gru(inputs, first[0], weights, *rest)
    else:
        hidden, *last = torch._VF.rnn_tanh(inputs, first[0], weights, *rest)
    return hidden, tuple(tensor[0] for tensor in last)


def _weights(layer: Recurrent, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """W_ih (G*H, D), W_hh (G*H, H) and the two biases (G*H) of torch, one after the other.

    torch has a bias for the product with the input and one for that with the hidden state. Ours is
    the first of the two; the second is zeros but for the ``bias_hn`` of the GRU.
    """
    recurrent_bias = torch.zeros_like(layer.bias)
    if isinstance(layer, GRU):
        recurrent_bias = torch.cat((recurrent_bias[: -layer.hidden_size], layer.bias_hn))
    parts = layer.weight_ih, layer.weight_hh, layer.bias, recurrent_bias
    # cuDNN reads all weights from one buffer: both matrices, then both biases. From weights that
    # do not begin a storage in just this order torch would, with a warning, make one itself; and
    # for weights that do so for good, parameters would have to lose their places. One copy a
    # sequence of a few hundred kilobytes is cheap, and the gradient goes back through it.
    flat = torch.cat([part.flatten() for part in parts]).to(dtype)
    pieces = torch.split(flat, [part.numel() for part in parts])
    return tuple(piece.view_as(part) for piece, part in zip(pieces, parts, strict=True))


def _computed_in(weight: Tensor) -> torch.dtype:
    """The type of all that is computed now, with these weights."""
    kind = weight.device.type
    if not torch.is_autocast_enabled(kind) or weight.dtype != torch.float32:
        return weight.dtype
    dtype = torch.get_autocast_dtype(kind)
    has_kernel = dtype == (torch.float16 if kind == "cuda" else torch.bfloat16)
    return dtype if has_kernel else weight.dtype
