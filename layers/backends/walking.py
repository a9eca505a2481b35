"""What the compiled walks of all cells share: what they are given, and the parts of a step.

With T steps, B examples, D inputs, H hidden units and G gates, a step has products of W columns:
that with the input goes to the first G*H of them, that with the hidden state to the last G*H.

The compiler makes vector code only of loops over columns that count from 0, and whose arrays it can
prove in a few comparisons not to overlap; and it compares what all rows read and write. So a loop
writes to one array, and what it reads of the same one are the entries that it writes, not another
block.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy.typing as npt

from layers.backends.blas import multiply
from layers.backends.compilation import part
from layers.backends.elementary import ZERO

Array: TypeAlias = npt.NDArray[Any]
# Rows that are turned over together: of as many entries as a line of the cache has.
BLOCK = 16


class Inputs(NamedTuple):
    """What goes into the steps, of one kind. The others are without entries.

    Attributes:
        vectors: (T, B, D), to be multiplied by their weights.
        numbers: (T, B), of one number each.
        places: (T, B), whole numbers, each for the vector that is one in this place.
    """

    vectors: Array
    numbers: Array
    places: Array


class Parameters(NamedTuple):
    """Those of a layer, or their gradients; where these are not wanted, without entries.

    Attributes:
        bias: (W,).
        ih: (G*H, D), of the input.
        hh: (G*H, H), of the hidden state.
    """

    bias: Array
    ih: Array
    hh: Array


class Space(NamedTuple):
    """Where a walk works, and what it keeps for the way back.

    Attributes:
        table: (V+1, W), what is added to the products: the row of the place, or the first if there
            are no places, and the last one times the number, if there are numbers. Going back,
            their gradient.
        ih, hh: (D, G*H) and (H, G*H), the weights turned over: a product with rows is faster than
            one with columns. The first without entries unless there are vectors.
        products: (B, W), of a step with input and hidden state; going back, their gradient.
            Its rows, and those of `ih` and `hh`, are followed by more that is not used: a power of
            two apart, they would have the same few places in the cache.
        tape: (T, B, ...), what the way back needs beside the states; or of one step, used again.
        hidden, cell: (T+1, B, H), states; the entry t is the one before step t. Where there is no
            way back they may be shorter, and are used in turn.
    """

    table: Array
    ih: Array
    hh: Array
    products: Array
    tape: Array
    hidden: Array
    cell: Array


class States(NamedTuple):
    """A state, or its gradient; what is not there is without entries.

    Attributes:
        hidden, cell: (B, H).
    """

    hidden: Array
    cell: Array


class Gradients(NamedTuple):
    """What comes back. What is not wanted, or not there, is without entries.

    Attributes:
        steps: (T, B, H), that come in, of the hidden states of all steps.
        last: that come in, of the last state.
        carried: of the states on their way, and of the first state in the end; what has no cell
            state may use that of `cell` for anything.
        of_first: whether that of the first state is wanted.
        vectors: as in `Inputs`.
        parameters: as they are.
    """

    steps: Array
    last: States
    carried: States
    of_first: bool
    vectors: Array
    parameters: Parameters


@part
def begin(inputs: Inputs, parameters: Parameters, space: Space, first: States) -> bool:
    """Make ready to go, from a state, or from zeros if there is none.

    Returns:
        Whether the products with the first hidden state, of the weights and of the gradient, are
        known to be zero: from zeros they are, unless weights are not finite.
    """
    (bias, ih, hh), table, last = parameters, space.table, len(space.table) - 1
    for v in range(last):
        for j in range(len(bias)):
            table[v, j] = bias[j]
    _blank(table[last:], 0, len(bias))
    if len(inputs.places):
        for v in range(last):
            for j in range(len(ih)):
                table[v, j] += ih[j, v]
    elif len(inputs.numbers):
        for j in range(len(ih)):
            table[last, j] = ih[j, 0]
    if len(inputs.vectors):
        _turn(ih, space.ih)
    _turn(hh, space.hh)
    if len(first.hidden):
        _copy(first.hidden, space.hidden[0])
        if len(space.cell):
            _copy(first.cell, space.cell[0])
        return False
    _blank(space.hidden[0], 0, space.hidden.shape[2])
    if len(space.cell):
        _blank(space.cell[0], 0, space.cell.shape[2])
    return _is_finite(hh)


@part
def _turn(matrix: Array, turned: Array) -> None:
    """(M, K) to (K, M)."""
    whole = len(matrix) // BLOCK * BLOCK
    for first in range(0, whole, BLOCK):
        for j in range(matrix.shape[1]):
            for i in range(BLOCK):
                turned[j, first + i] = matrix[first + i, j]
    for i in range(whole, len(matrix)):
        for j in range(matrix.shape[1]):
            turned[j, i] = matrix[i, j]


@part
def _is_finite(matrix: Array) -> bool:
    is_not = 0
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            # Of what is infinite or no number, no number.
            is_not |= matrix[i, j] - matrix[i, j] != ZERO
    return is_not == 0


@part
def multiply_forwards(
    t: int, inputs: Inputs, parameters: Parameters, space: Space, from_zeros: bool
) -> None:
    """The products of a step. Kernels add to all columns, also to those that none goes to."""
    width, columns, before = space.table.shape[1], len(parameters.hh), space.hidden
    ih, hh = space.ih[:, :columns], space.hh[:, :columns]
    from_input = space.products[:, :columns]
    from_hidden = space.products[:, width - columns : width]
    is_known = from_zeros and t == 0
    if len(inputs.vectors):
        multiply(inputs.vectors[t], ih, from_input, False, False)
        _blank(space.products, columns, width)
        if not is_known:
            multiply(before[t % len(before)], hh, from_hidden, False, True)
    elif is_known:
        _blank(space.products, 0, width)
    else:
        _blank(space.products, 0, width - columns)
        multiply(before[t % len(before)], hh, from_hidden, False, False)


@part
def _blank(rows: Array, first: int, last: int) -> None:
    for b in range(rows.shape[0]):
        for j in range(last - first):
            rows[b, first + j] = ZERO


@part
def _copy(rows: Array, to: Array) -> None:
    for b in range(to.shape[0]):
        for j in range(to.shape[1]):
            to[b, j] = rows[b, j]


@part
def give(steps: int, space: Space, last: States) -> None:
    """The state after the last step."""
    _copy(space.hidden[steps % len(space.hidden)], last.hidden)
    if len(space.cell):
        _copy(space.cell[steps % len(space.cell)], last.cell)


@part
def begin_back(space: Space, gradients: Gradients) -> None:
    """Make ready to go back."""
    (d_hidden, d_cell), last = gradients.carried, gradients.last
    _, d_ih, d_hh = gradients.parameters
    _blank(d_hidden, 0, d_hidden.shape[1])
    _blank(d_cell, 0, d_cell.shape[1])
    _copy(last.hidden, d_hidden[: len(last.hidden)])
    _copy(last.cell, d_cell[: len(last.cell)])
    _blank(space.table, 0, space.table.shape[1])
    _blank(d_ih, 0, d_ih.shape[1])
    _blank(d_hh, 0, d_hh.shape[1])


@part
def come_in(t: int, gradients: Gradients) -> None:
    """Add what comes in at a step from outside."""
    d_hidden, d_steps = gradients.carried.hidden, gradients.steps
    if len(d_steps):
        for b in range(d_hidden.shape[0]):
            for j in range(d_hidden.shape[1]):
                d_hidden[b, j] += d_steps[t, b, j]


@part
def multiply_backwards(
    t: int,
    inputs: Inputs,
    parameters: Parameters,
    space: Space,
    gradients: Gradients,
    from_zeros: bool,
    past_the_product: bool,
) -> None:
    """From the gradient of the products of a step to all that went into them.

    That of the hidden state before the step is added to `gradients.carried` if there is one
    already, `past_the_product`.
    """
    (_, ih, hh), (_, d_ih, d_hh) = parameters, gradients.parameters
    width, columns = space.table.shape[1], len(hh)
    into_input = space.products[:, :columns]
    into_hidden = space.products[:, width - columns : width]
    if len(d_hh) and not (from_zeros and t == 0):
        multiply(into_hidden, space.hidden[t], d_hh, True, True)
    if len(inputs.vectors) and len(d_ih):
        multiply(into_input, inputs.vectors[t], d_ih, True, True)
    if len(gradients.vectors):
        multiply(into_input, ih, gradients.vectors[t], False, False)
    if t or gradients.of_first:
        multiply(into_hidden, hh, gradients.carried.hidden, False, past_the_product)


@part
def place_of(inputs: Inputs, t: int, b: int) -> Any:
    """The row of the table that is added to a row of products."""
    return inputs.places[t, b] if len(inputs.places) else 0


@part
def number_of(inputs: Inputs, t: int, b: int) -> Any:
    """What the last row of the table is multiplied by."""
    return inputs.numbers[t, b] if len(inputs.numbers) else ZERO


@part
def sum_of(b: int, j: int, rows: Array, table: Array, place: int, number: Any) -> Any:
    """An entry of the products, and what the table adds to it."""
    return rows[b, j] + (table[place, j] + number * table[len(table) - 1, j])


@part
def add_gradient(t: int, b: int, inputs: Inputs, space: Space) -> None:
    """Add to the gradient of the table what comes from that of row b (W,) of the products."""
    rows, d_table = space.products, space.table
    place, number, last = place_of(inputs, t, b), number_of(inputs, t, b), len(d_table) - 1
    for j in range(d_table.shape[1]):
        d_table[place, j] += rows[b, j]
    if len(inputs.numbers):
        for j in range(d_table.shape[1]):
            d_table[last, j] += number * rows[b, j]


@part
def give_back(inputs: Inputs, space: Space, d_parameters: Parameters) -> None:
    """The gradients of the parameters that are in the table."""
    (d_bias, d_ih, _), d_table, last = d_parameters, space.table, len(space.table) - 1
    for j in range(len(d_bias)):
        d_bias[j] = d_table[0, j]
    for v in range(1, last):
        for j in range(len(d_bias)):
            d_bias[j] += d_table[v, j]
    if len(inputs.places):
        for v in range(d_ih.shape[1]):
            for j in range(len(d_ih)):
                d_ih[j, v] = d_table[v, j]
    elif len(inputs.numbers):
        for j in range(len(d_ih)):
            d_ih[j, 0] = d_table[last, j]
