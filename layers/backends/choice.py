"""Which way a layer goes through time."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from layers.recurrent import Recurrent, State

BACKENDS = ("auto", "loop", "numba", "torch", "triton")
# What `auto` may stand for, by device.
CANDIDATES = {"cpu": ("numba",), "cuda": ("torch", "triton")}


class Backend(Protocol):
    """A module through_NAME."""

    def obstacle(self, layer: Recurrent) -> str:
        """Why it cannot walk a layer that is where it is; '' if it can."""

    def run(
        self, layer: Recurrent, inputs: Tensor, state: State | None, all_steps: bool
    ) -> tuple[Tensor | None, State]:
        """As :func:`walk`."""


def walk(
    layer: Recurrent, inputs: Tensor, state: State | None, all_steps: bool
) -> tuple[Tensor | None, State]:
    """Go through time by the layer's `backend`.

    Args:
        layer: to walk.
        inputs, state: as `Recurrent.forward` takes them, of the right shapes; None is zeros, which
            can be gone from faster.
        all_steps: whether the hidden states of all steps are wanted.

    Returns:
        The hidden states of all steps (T, B, H), or None where they are not wanted; the last state.

    Raises:
        ValueError: the backend cannot walk this layer where it is.
        IndexError: a whole number among the inputs is not below D.
    """
    name = fastest(layer) if layer.backend == "auto" else layer.backend
    if name == "loop":
        return layer.loop(inputs, state, all_steps)
    if reason := obstacle(layer):
        raise ValueError(reason)
    return _backend(name).run(layer, inputs, state, all_steps)


def obstacle(layer: Recurrent) -> str:
    """Why the backend that a layer is set to cannot walk it where it is; '' if it can."""
    if layer.backend in ("auto", "loop"):
        return ""
    reason = _obstacle(layer.backend, layer)
    return reason and f"backend {layer.backend} cannot be used: {reason}"


def fastest(layer: Recurrent) -> str:
    """The backend that `auto` stands for, of a layer where it is: the first that can walk it."""
    for name in CANDIDATES.get(layer.weight_hh.device.type, ()):
        if not _obstacle(name, layer):
            return name
    return "loop"


def _obstacle(name: str, layer: Recurrent) -> str:
    try:
        return _backend(name).obstacle(layer)
    except ImportError as error:
        return str(error)


def _backend(name: str) -> Backend:
    # Imported when it is first used: each brings a library of its own.
    module: Backend = import_module(f"layers.backends.through_{name}")
    return module
