"""A walk through time on a CPU, in one call of compiled code there and one back.

The backward pass through time is written out. Of each step it needs the gates alone; gradients of
the weights are summed step by step, while what they are made of is in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from layers.backends.cells import Cell
from layers.backends.denormals import flushed
from layers.backends.walking import Array, Gradients, Inputs, Parameters, States
from layers.backends.workspace import Shape, borrow


class Nothing:
    """Arrays without entries, for what is not there.

    Args:
        number: the type of the entries that they have not.
    """

    def __init__(self, number: type) -> None:
        self.rows: Array = np.empty((0, 0), number)
        self.blocks: Array = np.empty((0, 0, 0), number)
        self.inputs = Inputs(self.blocks, self.rows, np.empty((0, 0), np.int64))
        self.parameters = Parameters(np.empty(0, number), self.rows, self.rows)


NOTHING = {torch.float32: Nothing(np.float32), torch.float64: Nothing(np.float64)}


class Walk:
    """A walk through time: forwards once, and backwards as often as it is asked.

    Args:
        cell: of the layer.
        kind: of the inputs, `vectors`, `numbers` or `places` of :mod:`layers.backends.walking`.
        inputs: of that kind.
        bias: (W,).
        weight_ih: (G*H, D).
        weight_hh: (G*H, H).
        keeps: whether there may be a way back.
        gives: whether the hidden states of all steps are given out.

    Attributes:
        d_first: (B, H) each, after the way back the gradient of the first state, if it was wanted,
            in memory that is used again.
    """

    def __init__(
        self,
        cell: Cell,
        kind: str,
        inputs: Tensor,
        bias: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        keeps: bool,
        gives: bool,
    ) -> None:
        self.cell, self.gives, self.like = cell, gives, weight_hh
        self.nothing = NOTHING[weight_hh.dtype]
        self.inputs = self.nothing.inputs._replace(**{kind: _array(inputs)})
        self.parameters = Parameters(_array(bias), _array(weight_ih), _array(weight_hh))
        (steps, batch), features, (rows, size) = (
            inputs.shape[:2],
            weight_ih.shape[1],
            weight_hh.shape,
        )
        shape = Shape(cell, kind, steps, batch, features, size, rows, weight_hh.dtype, keeps, gives)
        self.workspace = borrow(shape)
        self.space = self.workspace.space
        self.d_first = self.workspace.d_carried[: 1 + cell.has_cell]

    def __del__(self) -> None:
        if hasattr(self, "workspace"):
            self.workspace.leave()

    def forwards(self, state: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """From the first step to the last.

        Args:
            state: the one before the first step, (B, H) each; none for zeros.

        Returns:
            The hidden states of all steps (T, B, H) if it `gives` them, or else the last one
            (B, H); and the others of the last state, (B, H) each.
        """
        shape = self.workspace.shape
        steps, each = shape.steps, (shape.batch, shape.size)
        others = [self.like.new_empty(each) for _ in self.d_first[1:]]
        # What is given out is not ours to use again.
        hidden = self.like.new_empty((steps + 1, *each) if self.gives else each)
        if self.gives:
            self.space = self.space._replace(hidden=hidden.numpy())
        with flushed():
            self.from_zeros = self.cell.forwards(
                steps,
                self.inputs,
                self.parameters,
                self.space,
                self._states(state),
                self._states([None if self.gives else hidden, *others]),
            )
        return hidden[1:] if self.gives else hidden, *others

    def backwards(
        self,
        d_given: Sequence[Tensor | None],
        d_inputs: Tensor | None,
        wants_parameters: bool,
        wants_state: bool,
    ) -> tuple[Tensor, ...]:
        """From the last step to the first.

        Args:
            d_given: the gradients of what was given, or None each.
            d_inputs: (T, B, D), to be filled with that of vectors; None if not wanted.
            wants_parameters: whether those of the parameters are wanted.
            wants_state: whether that of the first state is.

        Returns:
            The gradients of bias, weight_ih and weight_hh, or nothing.
        """
        nothing = self.nothing
        wanted = self.parameters if wants_parameters else ()
        d_parameters = [self.like.new_empty(each.shape) for each in wanted]
        d_steps, d_last = (d_given[0], (None, *d_given[1:])) if self.gives else (None, d_given)
        gradients = Gradients(
            steps=nothing.blocks if d_steps is None else _array(d_steps),
            last=self._states(d_last),
            carried=self._states(self.workspace.d_carried),
            of_first=wants_state,
            vectors=nothing.blocks if d_inputs is None else d_inputs.numpy(),
            parameters=Parameters(*map(_array, d_parameters)) if wanted else nothing.parameters,
        )
        with flushed():
            self.cell.backwards(
                self.workspace.shape.steps,
                self.inputs,
                self.parameters,
                self.space,
                gradients,
                self.from_zeros,
            )
        return (*d_parameters,)

    def _states(self, given: Sequence[Tensor | None]) -> States:
        """As compiled code takes them, with nothing for those that are not there."""
        states = [self.nothing.rows] * 2
        for place, each in enumerate(given):
            if each is not None:
                states[place] = _array(each)
        return States(*states)


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.contiguous().numpy()
    return array
