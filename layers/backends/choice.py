"""Which way a layer goes through time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from layers.backends.transforms import at_work, unusual

if TYPE_CHECKING:
    from layers.recurrent import Recurrent, State

BACKENDS = ("auto", "loop", "numba", "torch", "triton")
# What `auto` may stand for, by device.
CANDIDATES = {"cpu": ("numba",), "cuda": ("torch", "triton")}
# What is not made of torch's own operations, so that torch can do no more with it than call it.
OPAQUE = ("numba", "triton")


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
        ValueError: the backend cannot walk this layer where it is, or not under what torch does
            with it now.
        IndexError: a whole number among the inputs is not below D.
    """
    given = (inputs, *(() if state is None else state))
    name = fastest(layer, given) if layer.backend == "auto" else layer.backend
    if name == "loop":
        return layer.loop(inputs, state, all_steps)
    if reason := obstacle(layer, given):
        raise ValueError(reason)
    backend = _backend(name)
    assert not isinstance(backend, str)
    return backend.run(layer, inputs, state, all_steps)


def obstacle(layer: Recurrent, given: Iterable[Tensor] = ()) -> str:
    """Why the backend that a layer is set to cannot walk it where it is; '' if it can.

    Args:
        given: the inputs and the state that it is to walk with, if they are known.
    """
    if layer.backend in ("auto", "loop"):
        return ""
    reason = _obstacle(layer.backend, layer, given)
    return reason and f"backend {layer.backend} cannot be used: {reason}"


def fastest(layer: Recurrent, given: Iterable[Tensor] = ()) -> str:
    """The backend that `auto` stands for, of a layer where it is: the first that can walk it.

    Args:
        given: as in :func:`obstacle`.
    """
    for name in CANDIDATES.get(layer.weight_hh.device.type, ()):
        if not _obstacle(name, layer, given):
            return name
    return "loop"


def _obstacle(name: str, layer: Recurrent, given: Iterable[Tensor]) -> str:
    # Before anything is imported, which is more than torch.compile can follow.
    reason = at_work() if name in OPAQUE else ""
    if not reason:
        backend = _backend(name)
        if isinstance(backend, str):
            return backend
        if reason := backend.obstacle(layer):
            return reason
        reason = unusual(given, layer) if name in OPAQUE else ""
    return reason and f"it has no walk for {reason}; loop has"


@cache
def _backend(name: str) -> Backend | str:
    """A backend, imported when it is first used, since each brings a library of its own.

    Returns:
        Why it cannot be imported, where it cannot: its library is not there, or does not like what
        the environment tells it.
    """
    try:
        module: Backend = import_module(f"layers.backends.through_{name}")
    except Exception as error:
        return str(error).split("\n")[0]
    return module
