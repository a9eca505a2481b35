"""Memory for a walk through time, which one step of training leaves to the next.

Large memory that is made anew in each step is handed out by the system zeroed, page by page, while
it is first written to: up to a tenth of the time of a step.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from math import gcd, prod
from typing import NamedTuple

import torch
from torch import Tensor

from layers.backends.cells import Cell
from layers.backends.kernels import Kept

# Bytes of a line of the cache; torch begins all its memory at the beginning of one.
LINE = 64
# Bytes of a huge page.
HUGE = 2 << 20


class Shape(NamedTuple):
    """What a workspace is made for.

    Attributes:
        cell: of the layer.
        steps, batch, size: T, B, H.
        dtype: of the layer.
        keeps: whether there may be a way back.
        gives: whether the hidden states of all steps are given out.
    """

    cell: Cell
    steps: int
    batch: int
    size: int
    dtype: torch.dtype
    keeps: bool
    gives: bool


class Workspace:
    """Tensors on the CPU, holding anything, and named as in :mod:`layers.backends.kernels`.

    Attributes:
        products (B, W).
        tape (T, B, ...), or (1, B, ...) where nothing is kept.
        hidden, cell (T+1, B, H), or a few (B, H), used in turn, where they are not kept. The hidden
            states that are given out are not here, but made anew each time.
        d_hidden, d_cell (B, H).
        kept: all but the last two.
    """

    def __init__(self, shape: Shape) -> None:
        cell, steps, batch, size, dtype, keeps, gives = self.shape = shape
        self.products = torch.empty(batch, cell.blocks * size, dtype=dtype)
        self.tape = _empty(
            (steps if keeps else 1, batch, cell.kept * size),
            torch.uint8 if cell.of_bits else dtype,
        )
        # The last bits of a product hang on where its operands begin in a line of the cache: what
        # is used in turn begins there as if all were kept.
        turns = max(2, LINE // gcd(LINE, batch * size * dtype.itemsize))
        states = (steps + 1 if keeps else turns, batch, size)
        self.hidden = _empty((0, 0, 0) if gives else states, dtype)
        self.cell = _empty(states if cell.has_cell else (0, 0, 0), dtype)
        self.kept = Kept(
            *(each.numpy() for each in (self.products, self.tape, self.hidden, self.cell))
        )
        self.d_hidden = torch.empty(batch, size, dtype=dtype)
        self.d_cell = torch.empty(batch, size, dtype=dtype)

    def leave(self) -> None:
        """Let others have it."""
        _free.setdefault(self.shape, []).append(self)


def _empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor holding anything, in huge pages where it is large and the system has them.

    What is walked through step by step is in no cache any more when it is come back to, nor are,
    of small pages, their addresses.
    """
    size = prod(shape) * dtype.itemsize
    if size < HUGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(shape, dtype=dtype)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=dtype).view(shape)


_free: dict[Shape, list[Workspace]] = {}


def borrow(shape: Shape) -> Workspace:
    """A workspace that nobody uses."""
    # Not asked first whether there is one: another thread may take it in between.
    try:
        return _free[shape].pop()
    except (KeyError, IndexError):
        # Sequences of another length have come: what the last ones used would pile up.
        _free.clear()
    # Who comes next may be in another mode, and the default device is no concern of it.
    with torch.inference_mode(False), torch.device("cpu"):
        return Workspace(shape)
