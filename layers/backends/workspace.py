"""Memory for a walk through time, which one step of training leaves to the next.

Large memory that is made anew in each step is handed out by the system zeroed, page by page, while
it is first written to: up to a tenth of the time of a step.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from math import gcd, prod
from typing import Any, NamedTuple

import torch

from layers.backends.cells import Cell
from layers.backends.walking import Array, Space

# Bytes of a line of the cache.
LINE = 64
# Bytes of a huge page.
HUGE = 2 << 20


class Shape(NamedTuple):
    """What a workspace is made for.

    Attributes:
        cell: of the layer.
        kind: of the inputs.
        steps, batch, features, size: T, B, D, H.
        rows: G*H, of the weights.
        dtype: of the layer.
        keeps: whether there may be a way back.
        gives: whether the hidden states of all steps are given out.
    """

    cell: Cell
    kind: str
    steps: int
    batch: int
    features: int
    size: int
    rows: int
    dtype: torch.dtype
    keeps: bool
    gives: bool

    @property
    def shared(self) -> tuple[Any, ...]:
        """What layers of one network have in common that take turns."""
        return self.steps, self.batch, self.size, self.dtype, self.keeps


class Workspace:
    """Memory on the CPU, holding anything.

    Attributes:
        space: see :mod:`layers.backends.walking`. Where nothing is kept, the tape is of one step,
            and states of a few, used in turn. The hidden states that are given out are not here,
            but made anew each time.
        d_carried: (B, H) each, for the gradients of hidden and cell state on their way back.
    """

    def __init__(self, shape: Shape) -> None:
        cell, kind, steps, batch, features, size, rows, dtype, keeps, gives = shape
        self.shape = shape
        width, more = cell.blocks * size, LINE // dtype.itemsize
        # The last bits of a product hang on where its operands begin in a line of the cache: what
        # is used in turn begins there as if all were kept.
        turns = max(2, LINE // gcd(LINE, batch * size * dtype.itemsize))
        states, none = (steps + 1 if keeps else turns, batch, size), (0, 0, 0)
        self.space = Space(
            table=_empty((1 + (features if kind == "places" else 1), width), dtype),
            ih=_empty((features, rows + more) if kind == "vectors" else (0, 0), dtype),
            hh=_empty((size, rows + more), dtype),
            products=_empty((batch, width + more), dtype),
            tape=_empty(
                (steps if keeps else 1, batch, cell.kept * size),
                torch.uint8 if cell.of_bits else dtype,
            ),
            hidden=_empty(none if gives else states, dtype),
            cell=_empty(states if cell.has_cell else none, dtype),
        )
        self.d_carried = tuple(torch.empty(batch, size, dtype=dtype) for _ in range(2))

    def leave(self) -> None:
        """Let others have it."""
        _free.setdefault(self.shape, []).append(self)


def _empty(shape: tuple[int, ...], dtype: torch.dtype) -> Array:
    """An array holding anything, in huge pages where it is large and the system has them.

    What is walked through step by step is in no cache any more when it is come back to, nor are,
    of small pages, their addresses.
    """
    size = prod(shape) * dtype.itemsize
    if size < HUGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        # torch begins all its memory at the beginning of a line of the cache.
        return torch.empty(shape, dtype=dtype).numpy()
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=dtype).view(shape).numpy()


_free: dict[Shape, list[Workspace]] = {}


def borrow(shape: Shape) -> Workspace:
    """A workspace that nobody uses."""
    # Not asked first whether there is one: another thread may take it in between.
    try:
        return _free[shape].pop()
    except (KeyError, IndexError):
        # Sequences of another length have come: what the last ones used would pile up.
        for other in list(_free):
            if other.shared != shape.shared:
                _free.pop(other, None)
    # Who comes next may be in another mode, and the default device is no concern of it.
    with torch.inference_mode(False), torch.device("cpu"):
        return Workspace(shape)
