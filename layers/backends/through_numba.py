"""A layer's whole sequence on a CPU: torch's matrix products, and one kernel a step between them.

The backward pass through time is written out. Of each step it needs the gates alone; gradients of
the weights are summed step by step, while what they are made of is in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from layers.backends.cells import CELLS, Cell
from layers.backends.kernels import DENSE, NUMBER, PLACE, Inputs, Kept
from layers.backends.once import refuse_second_derivatives
from layers.backends.workspace import Shape, borrow
from layers.gru import GRU

if TYPE_CHECKING:
    from layers.recurrent import Recurrent, State


class Walk:
    """A walk through time: forwards when it is made, and backwards as often as it is asked.

    Args:
        cell: of the layer.
        kind: of the inputs.
        inputs: DENSE (T, B, D); NUMBER (T, B); or PLACE (T, B) of whole numbers.
        table: what inputs and bias add to a row, see :mod:`layers.backends.kernels`.
        weight_ih: (in * H, D), of the blocks that the product with the input goes to.
        weight_hh: (out * H, H), of those that the product with the hidden state goes to.
        state: the one before the first step, (B, H) each.
        keeps: whether there may be a way back.
        gives: whether the hidden states of all steps are given out.

    Attributes:
        hidden: (T+1, B, H), the state before the first step and the hidden states; or, unless
            `keeps` or `gives`, the last few of them in turn.
    """

    def __init__(
        self,
        cell: Cell,
        kind: int,
        inputs: Tensor,
        table: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        state: Sequence[Tensor],
        keeps: bool,
        gives: bool,
    ) -> None:
        self.cell, self.dense, self.table = cell, kind == DENSE, table
        self.weight_ih, self.weight_hh = weight_ih, weight_hh
        self.inputs = inputs.unbind() if self.dense else ()
        (steps, batch), size = inputs.shape[:2], weight_hh.shape[1]
        self.steps = steps
        self.space = borrow(Shape(cell, steps, batch, size, table.dtype, keeps, gives))
        # What is given out is not ours to use again.
        self.hidden = table.new_empty(steps + 1, batch, size) if gives else self.space.hidden
        self.carried = (self.hidden, self.space.cell)[: len(state)]
        for states, first in zip(self.carried, state, strict=True):
            states[0] = first
        numbers = inputs if kind == NUMBER else table.new_empty(0, 0)
        places = inputs if kind == PLACE else table.new_empty(0, 0, dtype=torch.int64)
        self.read = Inputs(kind, numbers.numpy(), places.numpy(), table.numpy())
        self.kept = Kept(self.space.tape.numpy(), self.hidden.numpy(), self.space.cell.numpy())
        self.before = self.hidden.unbind()
        # Then two products are known to be zeros; of weights that are not finite they would not be.
        self.from_zeros = not state[0].any() and bool(weight_hh.sum().isfinite())
        # The way back writes over what it reads: who goes it again pays for the way there.
        self.spent = False
        self.forwards()

    def __del__(self) -> None:
        if hasattr(self, "space"):
            self.space.leave()

    @property
    def state(self) -> State:
        """The last one, (B, H) each, in memory that is used again."""
        return tuple(each[self.steps % each.shape[0]] for each in self.carried)

    def forwards(self) -> None:
        """From the first step to the last."""
        space, before, count = self.space, self.before, len(self.before)
        products = space.products.numpy()
        weight_ih, weight_hh = self.weight_ih.t(), self.weight_hh.t()
        # Kernels add to all blocks, also to those that no product writes to.
        blank = space.without_input if self.dense else space.without_hidden
        blanks = [blank] if blank.numel() else []
        for t in range(self.steps):
            for blank in blanks:
                blank.zero_()
            if self.dense:
                torch.mm(self.inputs[t], weight_ih, out=space.with_input)
                if t or not self.from_zeros:
                    space.with_hidden.addmm_(before[t % count], weight_hh)
            elif t or not self.from_zeros:
                torch.mm(before[t % count], weight_hh, out=space.with_hidden)
            else:
                space.with_hidden.zero_()
            self.cell.forward(t, products, self.read, self.kept)

    def backwards(
        self,
        d_steps: Tensor | None,
        d_state: Sequence[Tensor | None],
        d_inputs: Tensor | None,
        wants_weights: bool,
        wants_state: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of table, weight_ih and weight_hh; that of the first state is left in `space`.

        Args:
            d_steps: of the hidden states of all steps (T, B, H), or None.
            d_state: of the last state, (B, H) or None each.
            d_inputs: (T, B, D), to be filled with that of dense inputs; None if not wanted.
            wants_weights: whether that of weight_ih and weight_hh is wanted.
            wants_state: whether that of the first state is.
        """
        if self.spent:
            self.forwards()
        self.spent = self.cell.in_place
        space, cell = self.space, self.cell
        d_carried = space.d_hidden, space.d_cell
        for carried, given in zip(d_carried, (*d_state, None), strict=False):
            carried.zero_() if given is None else carried.copy_(given)
        d_table = torch.zeros_like(self.table)
        # Turned over, since products that are longer than they are wide are slower.
        d_ih = self.table.new_zeros(self.weight_ih.shape[::-1])
        d_hh = self.table.new_zeros(self.weight_hh.shape[::-1])
        read, gradient = self.read._replace(table=d_table.numpy()), space.gradient.numpy()
        d_hidden, d_cell = (each.numpy() for each in d_carried)
        count = len(space.to_hidden)
        weight_hh, before, kept = self.weight_hh, self.before, self.kept
        for t in reversed(range(self.steps)):
            if d_steps is not None:
                space.d_hidden += d_steps[t]
            cell.backward(t, gradient, read, kept, d_hidden, d_cell)
            to_input, to_hidden = space.to_input[t % count], space.to_hidden[t % count]
            if wants_weights:
                if t or not self.from_zeros:
                    d_hh.addmm_(before[t].t(), to_hidden)
                if self.dense:
                    d_ih.addmm_(self.inputs[t].t(), to_input)
            if d_inputs is not None:
                torch.mm(to_input, self.weight_ih, out=d_inputs[t])
            if t == 0 and not wants_state:
                break
            if cell.passes_hidden:
                space.d_hidden.addmm_(to_hidden, weight_hh)
            else:
                torch.mm(to_hidden, weight_hh, out=space.d_hidden)
        return d_table, d_ih.t(), d_hh.t()


class ThroughTime(torch.autograd.Function):
    """A walk through time with its way back."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: Cell,
        kind: int,
        gives: bool,
        inputs: Tensor,
        table: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        *state: Tensor,
    ) -> tuple[Tensor, ...]:
        walk = Walk(cell, kind, inputs, table, weight_ih, weight_hh, state, True, gives)
        ctx.walk, ctx.gives = walk, gives
        hidden, *others = walk.state
        first = walk.hidden[1:] if gives else hidden.clone()
        # Not to be read, but so that who changes one of them before the way back is told.
        ctx.save_for_backward(inputs, weight_ih, weight_hh, *([first] if gives else []))
        ctx.set_materialize_grads(False)
        return first, *(each.clone() for each in others)

    @staticmethod
    def backward(ctx: Any, d_first: Tensor | None, *d_others: Tensor | None) -> Any:
        refuse_second_derivatives("numba")
        inputs, *_ = ctx.saved_tensors
        d_steps, d_hidden = (d_first, None) if ctx.gives else (None, d_first)
        wants_inputs, _, wants_ih, wants_hh, *wants_state = ctx.needs_input_grad[3:]
        d_inputs = torch.empty_like(inputs) if wants_inputs else None
        walk = ctx.walk
        d_table, d_ih, d_hh = walk.backwards(
            d_steps, (d_hidden, *d_others), d_inputs, wants_ih or wants_hh, any(wants_state)
        )
        d_state = (
            each.clone() if wanted else None
            for each, wanted in zip(
                (walk.space.d_hidden, walk.space.d_cell), wants_state, strict=False
            )
        )
        return None, None, None, d_inputs, d_table, d_ih if walk.dense else None, d_hh, *d_state


def obstacle(layer: Recurrent) -> str:
    """Why a layer cannot be walked here; '' if it can."""
    weight = layer.weight_hh
    if type(layer) not in CELLS:
        return f"there are no kernels for {type(layer).__name__}"
    if weight.device.type != "cpu":
        return f"it is for the CPU, and the layer is on {weight.device.type}"
    if weight.dtype not in (torch.float32, torch.float64):
        return f"it knows float32 and float64, not {str(weight.dtype).removeprefix('torch.')}"
    if torch.is_autocast_enabled("cpu"):
        return "it knows no autocast"
    return ""


def run(
    layer: Recurrent, inputs: Tensor, state: State, all_steps: bool
) -> tuple[Tensor | None, State]:
    """Walk a layer through time, as :func:`layers.backends.choice.walk`.

    Raises:
        ValueError: the state is of another type than the weights.
        IndexError: a whole number is not below D.
    """
    if any(each.dtype != layer.weight_hh.dtype for each in state):
        raise ValueError(f"state must be of the type of the weights, {layer.weight_hh.dtype}")
    cell = CELLS[type(layer)]
    kind, inputs, table, weight_ih = _arranged(layer, cell, inputs)
    given = (inputs, table, weight_ih, layer.weight_hh, *state)
    if torch.is_grad_enabled() and any(each.requires_grad for each in given):
        first, *others = ThroughTime.apply(cell, kind, all_steps, *given)  # type: ignore[no-untyped-call]
    else:
        walk = Walk(cell, kind, inputs, table, weight_ih, layer.weight_hh, state, False, all_steps)
        hidden, *others = (each.clone() for each in walk.state)
        first = walk.hidden[1:] if all_steps else hidden
    if all_steps:
        return first, (first[-1].clone(), *others)
    return None, (first, *others)


def _arranged(layer: Recurrent, cell: Cell, inputs: Tensor) -> tuple[int, Tensor, Tensor, Tensor]:
    """The kind of the inputs, and inputs, table and input weights as a `Walk` takes them."""
    weight_ih: Tensor = layer.weight_ih
    bias: Tensor = layer.bias
    if isinstance(layer, GRU):
        r, z, n = weight_ih.chunk(3)
        weight_ih = torch.cat((n, r, z))
        r, z, n = bias.chunk(3)
        bias = torch.cat((n, r, z, layer.bias_hn))
    blank = len(bias) - len(weight_ih)
    if not inputs.is_floating_point():
        # Of no numbers there is no least.
        if len(inputs[0]) and not 0 <= int(inputs.min()) <= int(inputs.max()) < layer.input_size:
            raise IndexError(f"inputs must be whole numbers from 0 to {layer.input_size - 1}")
        places = inputs.to(torch.int64).contiguous()
        # Row by row, as kernels read it: the sum would lie as the weights do.
        table = (F.pad(weight_ih.t(), (0, blank)) + bias).contiguous()
        return PLACE, places, table, weight_ih
    # Inputs of another type are left to the product, which complains as in the loop; and so are
    # infinite ones where there are blank weights, by which they would make what is no number.
    number = layer.input_size == 1 and inputs.dtype == weight_ih.dtype and not inputs.requires_grad
    if number and not (blank and inputs.isinf().any()):
        table = torch.stack((bias, F.pad(weight_ih.squeeze(1), (0, blank))))
        return NUMBER, inputs.squeeze(2).contiguous(), table, weight_ih
    # A copy: the way there may be gone again after the bias has changed.
    return DENSE, inputs, bias.unsqueeze(0).clone(), weight_ih
