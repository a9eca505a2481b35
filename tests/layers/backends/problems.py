"""Problems for a layer, and what a backend makes of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pytest
import torch
from torch import Tensor

from layers import GRU, LSTM, RNN, RRN, Recurrent

CELLS = [RNN, LSTM, RRN, GRU]
KINDS = ["dense", "number", "places"]

every_cell = pytest.mark.parametrize("cell_type", CELLS)
every_kind = pytest.mark.parametrize("kind", KINDS)

Reduction = Callable[[Tensor], Tensor]


def layer_of(
    cell_type: type[Recurrent], D: int, H: int, dtype: torch.dtype = torch.float64
) -> Recurrent:
    """A layer with weights that make all its gates matter."""
    layer = cell_type(D, H).to(dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter) / H**0.5)
    return layer


def inputs_of(layer: Recurrent, kind: str, T: int, B: int) -> Tensor:
    """Random inputs: dense (T, B, D), a number (T, B, 1), or places (T, B)."""
    if kind == "places":
        return torch.randint(layer.input_size, (T, B))
    return torch.randn(T, B, layer.input_size, dtype=layer.bias.dtype)


def state_of(layer: Recurrent, B: int) -> tuple[Tensor, ...]:
    """A random state."""
    return tuple(torch.randn_like(zeros) for zeros in layer.initial_state(B))


def problem(
    cell_type: type[Recurrent],
    kind: str,
    T: int,
    B: int,
    D: int,
    H: int,
    dtype: torch.dtype = torch.float64,
) -> tuple[Recurrent, Tensor, tuple[Tensor, ...]]:
    """A layer, inputs and a state; D is 1 where the inputs are a number."""
    layer = layer_of(cell_type, 1 if kind == "number" else D, H, dtype)
    return layer, inputs_of(layer, kind, T, B), state_of(layer, B)


def outputs_of(
    layer: Recurrent, inputs: Tensor, state: Sequence[Tensor] | None, all_steps: bool
) -> dict[str, Tensor]:
    """What the layer gives, by name: hidden, h, c."""
    given = None if state is None else tuple(state)
    if not all_steps:
        return dict(zip("hc", layer.last_state(inputs, given), strict=False))
    hidden, last = layer(inputs, given)
    return {"hidden": hidden, **dict(zip("hc", last, strict=False))}


def weighed(outputs: dict[str, Tensor], names: Collection[str] = ("hidden", "h", "c")) -> Tensor:
    """A number that depends on each entry of each output in a way of its own."""
    total = torch.zeros((), dtype=outputs["h"].dtype)
    for name, output in outputs.items():
        if name in names:
            weights = torch.linspace(-1, 2, output.numel(), dtype=output.dtype)
            total = total + (output * weights.view(output.shape)).sum()
    return total


def trained(
    layer: Recurrent,
    backend: str,
    inputs: Tensor,
    state: Sequence[Tensor] | None,
    all_steps: bool = True,
) -> dict[str, Tensor]:
    """By name: the outputs of a backend, and all gradients that there are of `weighed` outputs."""
    layer.backend = backend
    leaves = {"inputs": inputs, **dict(zip(("first h", "first c"), state or (), strict=False))}
    leaves = {
        name: leaf.detach().clone().requires_grad_(_wants(name, leaf))
        for name, leaf in leaves.items()
    }
    first = None if state is None else [leaves[name] for name in leaves if name != "inputs"]
    outputs = outputs_of(layer, leaves["inputs"], first, all_steps)
    leaves = {n: leaf for n, leaf in leaves.items() if leaf.requires_grad}
    leaves |= dict(layer.named_parameters())
    gradients = torch.autograd.grad(weighed(outputs), list(leaves.values()))
    named = {f"gradient of {n}": g for n, g in zip(leaves, gradients, strict=True)}
    return {n: o.detach() for n, o in outputs.items()} | named


def _wants(name: str, leaf: Tensor) -> bool:
    # One number a step that wants a gradient is walked as a vector.
    return leaf.is_floating_point() and (name != "inputs" or leaf.shape[2] > 1)


def distance_from_kinks(layer: RRN, inputs: Tensor, state: Sequence[Tensor]) -> float:
    """The least distance from 0 of what a ReLU of an RRN is given, where it is not 0."""
    now, least = tuple(state), float("inf")
    with torch.no_grad():
        for from_inputs in layer.project(inputs):
            before = layer.preactivation(from_inputs, now[0])
            _, now = layer.advance(from_inputs, now)
            for each in (before, now[1]):
                if each.any():
                    least = min(least, float(each[each != 0].abs().min()))
    return least
