"""That code is being compiled, which takes seconds, once: told to who wants to hear it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Takes the pieces of a line as they come: what is being compiled, and at last how long it took.
Listener = Callable[[str], object]
_listeners: list[Listener] = []


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Within, this listener is told, and no other."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def begins(name: str) -> None:
    """Tell that what has this name is about to be compiled."""
    _tell(f"compiling the kernels ({name}), once: ")


def ends(seconds: float) -> None:
    """Tell how long it took."""
    _tell(f"{seconds:.0f} s\n")


def _tell(piece: str) -> None:
    if _listeners:
        _listeners[-1](piece)
