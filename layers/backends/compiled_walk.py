"""A walk through time on a CPU, in one call of compiled code there and one back.

The backward pass through time is written out. Of each step it needs the gates alone; gradients of
the weights are summed step by step, while what they are made of is in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from layers.backends.cells import Cell
from layers.backends.denormals import flushed
from layers.backends.kernels import Array, Gradients, Inputs, Weights
from layers.backends.workspace import Shape, borrow

# No inputs of any kind, by the type of the weights.
NOTHING = {
    kind: Inputs(
        vectors=np.empty((0, 0, 0), number),
        numbers=np.empty((0, 0), number),
        places=np.empty((0, 0), np.int64),
        table=np.empty((0, 0), number),
    )
    for kind, number in ((torch.float32, np.float32), (torch.float64, np.float64))
}


class Walk:
    """A walk through time: forwards when it is made, and backwards as often as it is asked.

    Args:
        cell: of the layer.
        kind: of the inputs, `vectors`, `numbers` or `places` of :mod:`layers.backends.kernels`.
        inputs: of that kind.
        bias: (W,).
        weight_ih: (in * H, D), of the blocks that the product with the input goes to.
        weight_hh: (out * H, H), of those that the product with the hidden state goes to.
        state: the one before the first step, (B, H) each; none for zeros.
        keeps: whether there may be a way back.
        gives: whether the hidden states of all steps are given out.

    Attributes:
        hidden: (T+1, B, H), the state before the first step and the hidden states; or, unless
            `keeps` or `gives`, the last few of them in turn.
    """

    def __init__(
        self,
        cell: Cell,
        kind: str,
        inputs: Tensor,
        bias: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        state: Sequence[Tensor],
        keeps: bool,
        gives: bool,
    ) -> None:
        self.cell, self.kind = cell, kind
        self.table = table = torch.from_numpy(_table(kind, bias, weight_ih))
        self.weight_ih, self.weight_hh = weight_ih.contiguous(), weight_hh.contiguous()
        (self.steps, batch), size = inputs.shape[:2], weight_hh.shape[1]
        self.space = borrow(Shape(cell, self.steps, batch, size, table.dtype, keeps, gives))
        # What is given out is not ours to use again.
        self.hidden = table.new_empty(self.steps + 1, batch, size) if gives else self.space.hidden
        self.carried = (self.hidden, self.space.cell)[: 1 + cell.has_cell]
        if state:
            for states, first in zip(self.carried, state, strict=True):
                states[0] = first
        else:
            for states in self.carried:
                states[0].zero_()
        read = {kind: inputs.contiguous().numpy(), "table": table.numpy()}
        self.inputs = NOTHING[table.dtype]._replace(**read)
        kept = self.space.kept
        self.kept = kept._replace(hidden=self.hidden.numpy()) if gives else kept
        self.from_zeros = not state
        self.forwards()

    def __del__(self) -> None:
        if hasattr(self, "space"):
            self.space.leave()

    @property
    def state(self) -> tuple[Tensor, ...]:
        """The last one, (B, H) each, in memory that is used again."""
        return tuple(each[self.steps % each.shape[0]] for each in self.carried)

    def forwards(self) -> None:
        """From the first step to the last."""
        # Turned over: a product with rows is faster than one with columns.
        turned = self.weight_hh.t().contiguous()
        ih, hh = self._vectors_weight(turned=True), turned.numpy()
        # From zeros two products are zeros too, unless weights are not finite.
        self.from_zeros = self.from_zeros and math.isfinite(turned.sum())
        with flushed():
            self.cell.forwards(self.steps, self.inputs, Weights(ih, hh, self.from_zeros), self.kept)

    def backwards(
        self,
        d_steps: Tensor | None,
        d_state: Sequence[Tensor | None],
        d_inputs: Tensor | None,
        wants_weights: bool,
        wants_state: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of bias, weight_ih and weight_hh; that of the first state is left in `space`.

        Args:
            d_steps: of the hidden states of all steps (T, B, H), or None.
            d_state: of the last state, (B, H) or None each.
            d_inputs: (T, B, D), to be filled with that of vectors; None if not wanted.
            wants_weights: whether that of weight_ih and weight_hh is wanted.
            wants_state: whether that of the first state is.
        """
        space, table = self.space, self.table
        d_carried = space.d_hidden, space.d_cell
        for carried, given in zip(d_carried, (*d_state, None), strict=False):
            carried.zero_() if given is None else carried.copy_(given)
        d_table = torch.zeros_like(table)
        has_vectors = self.kind == "vectors"
        of_input = slice(len(self.weight_ih))
        d_ih = torch.zeros_like(self.weight_ih) if has_vectors else d_table[1:, of_input].t()
        d_hh = torch.zeros_like(self.weight_hh)
        nothing = NOTHING[table.dtype]
        gradients = Gradients(
            steps=nothing.vectors if d_steps is None else d_steps.contiguous().numpy(),
            hidden=space.d_hidden.numpy(),
            cell=space.d_cell.numpy(),
            vectors=nothing.vectors if d_inputs is None else d_inputs.numpy(),
            table=d_table.numpy(),
            ih=d_ih.numpy() if wants_weights and has_vectors else nothing.table,
            hh=d_hh.numpy() if wants_weights else nothing.table,
            of_state=wants_state,
        )
        ih, hh = self._vectors_weight(turned=False), self.weight_hh.numpy()
        with flushed():
            self.cell.backwards(
                self.steps, self.inputs, Weights(ih, hh, self.from_zeros), self.kept, gradients
            )
        if self.kind == "places":
            return d_table.sum(0), d_table[:-1, of_input].t(), d_hh
        return d_table[0], d_ih, d_hh

    def _vectors_weight(self, turned: bool) -> Array:
        """weight_ih, turned over or not, if there are vectors to be multiplied by it."""
        if self.kind != "vectors":
            return NOTHING[self.table.dtype].table
        weight = self.weight_ih.t().contiguous() if turned else self.weight_ih
        array: Array = weight.numpy()
        return array


def _table(kind: str, bias: Tensor, weight_ih: Tensor) -> Array:
    """What inputs of a kind, and the bias, add to a row: see :mod:`layers.backends.kernels`."""
    # By numpy, whose calls take a fraction of torch's.
    numbers, weights = bias.numpy(), weight_ih.numpy()
    table = np.zeros(
        (1 + (weights.shape[1] if kind == "places" else 1), len(numbers)), numbers.dtype
    )
    table[:-1] = numbers
    if kind == "places":
        table[:-1, : len(weights)] += weights.T
    elif kind == "numbers":
        table[1, : len(weights)] = weights[:, 0]
    return table
