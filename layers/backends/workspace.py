"""Memory for a walk through time, which one step of training leaves to the next.

Large memory that is made anew in each step is handed out by the system zeroed, page by page, while
it is first written to: up to a tenth of the time of a step.
"""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

import torch
from torch import Tensor

from layers.backends.cells import Cell

# Bytes of a line of the cache; torch begins all its memory at the beginning of one.
LINE = 64


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
    """Tensors on the CPU, holding anything, and what is read and written in each step.

    With W = blocks * H, and names as in :mod:`layers.backends.kernels`:

    Attributes:
        products (B, W), and views of the blocks that the product with the input goes to and does
            not go to, and the same of the product with the hidden state.
        tape (T, B, ...), without entries where nothing is kept.
        gradient (T or 1, B, W), and in each of these the blocks as above.
        hidden, cell (T+1, B, H), or a few (B, H), used in turn, where they are not kept. The hidden
            states that are given out are not here, but made anew each time.
        d_hidden, d_cell (B, H).
    """

    def __init__(self, shape: Shape) -> None:
        cell, steps, batch, size, dtype, keeps, gives = self.shape = shape

        def blocks(rows: Tensor, first: int, last: int) -> Tensor:
            return rows[..., first * size : last * size]

        self.products = torch.empty(batch, cell.blocks * size, dtype=dtype)
        self.with_input = blocks(self.products, *cell.from_input)
        self.without_input = blocks(self.products, cell.from_input[1], cell.blocks)
        self.with_hidden = blocks(self.products, *cell.from_hidden)
        self.without_hidden = blocks(self.products, 0, cell.from_hidden[0])
        self.tape = torch.empty(
            (steps if keeps and cell.kept else 0, batch, cell.kept * size),
            dtype=torch.uint8 if cell.of_bits else dtype,
        )
        # The last bits of a product hang on where its operands begin in a line of the cache: what
        # is used in turn begins there as if all were kept.
        turns = max(2, LINE // gcd(LINE, batch * size * dtype.itemsize))
        states = (steps + 1 if keeps else turns, batch, size)
        self.hidden = torch.empty((0, 0, 0) if gives else states, dtype=dtype)
        self.cell = torch.empty(states if cell.has_cell else (0, 0, 0), dtype=dtype)
        self.gradient = self.tape if cell.in_place else self.products.unsqueeze(0)
        self.to_input = blocks(self.gradient, *cell.from_input).unbind()
        self.to_hidden = blocks(self.gradient, *cell.from_hidden).unbind()
        self.d_hidden = torch.empty(batch, size, dtype=dtype)
        self.d_cell = torch.empty(batch, size, dtype=dtype)

    def leave(self) -> None:
        """Let others have it."""
        _free.setdefault(self.shape, []).append(self)


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
