"""The walk of each cell through time on a CPU, forwards and backwards, in compiled code.

Between two matrix products there is one pass over memory a step, row after row, so that a row of
gates stays in the innermost cache until it is done with. torch makes a pass for each sigmoid, sum
and product.

With T steps, B examples, D inputs, H hidden units, and W = n H columns, n blocks of H. The compiler
makes vector code only of loops over columns that count from 0, and whose arrays it can prove in a
few comparisons not to overlap; and it compares what all rows read and write. So a loop writes to
one array, and what it reads of the same one are the entries that it writes, not another block.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from layers.backends.blas import multiply
from layers.backends.compilation import kernel, part
from layers.backends.elementary import ONE, ZERO, sigmoid, tanh

Array: TypeAlias = npt.NDArray[Any]
NO_BIT, INCREMENT_BIT, DECREMENT_BIT = np.uint8(0), np.uint8(1), np.uint8(2)


class Inputs(NamedTuple):
    """What goes into the steps. What is not there is without entries.

    Attributes:
        vectors: (T, B, D), inputs to be multiplied by their weights.
        numbers: (T, B), inputs of one number each.
        places: (T, B), inputs of whole numbers, each for the vector that is one in this place.
        table: (V+1, W), what is added to the products: the row of the place, or the first if there
            are no places, and the last one times the number, if there are numbers.
    """

    vectors: Array
    numbers: Array
    places: Array
    table: Array


class Weights(NamedTuple):
    """What is multiplied by.

    Attributes:
        ih: (D, in), from the input to the first columns of the products; going back, (in, D);
            without entries if there are no vectors.
        hh: (H, out), from the hidden state to the last columns; going back, (out, H).
        from_zeros: whether the first product with the hidden state is known to be zero.
    """

    ih: Array
    hh: Array
    from_zeros: bool


class Kept(NamedTuple):
    """What is kept of the steps.

    Attributes:
        products: (B, W), of a step with input and hidden state; going back, their gradient.
        tape: (T, B, ...), what the way back needs beside the states; or of one step, used again.
        hidden, cell: (T+1, B, H), states; the entry t is the one before step t. Where there is no
            way back they may be shorter, and are used in turn.
    """

    products: Array
    tape: Array
    hidden: Array
    cell: Array


class Gradients(NamedTuple):
    """What comes back. What is not wanted, or not there, is without entries.

    Attributes:
        steps: (T, B, H), that come in, of the hidden states of all steps.
        hidden, cell: (B, H), of the last states at first, of the first state in the end; what has
            no cell state may use that of `cell` for anything.
        vectors, table: as in `Inputs`; what was in the table is added to.
        ih, hh: (in, D), (out, H), added to.
        of_state: whether that of the first state is wanted.
    """

    steps: Array
    hidden: Array
    cell: Array
    vectors: Array
    table: Array
    ih: Array
    hh: Array
    of_state: bool


@part
def _multiply_forwards(t: int, inputs: Inputs, weights: Weights, kept: Kept) -> None:
    """The products of a step. Kernels add to all columns, also to those that none goes to."""
    products, before = kept.products, kept.hidden[t % len(kept.hidden)]
    from_input, to_hidden = weights.ih.shape[1], products.shape[1] - weights.hh.shape[1]
    is_known = weights.from_zeros and t == 0
    if len(inputs.vectors):
        multiply(inputs.vectors[t], weights.ih, products[:, :from_input], False, False)
        _blank(products, from_input, products.shape[1])
        if not is_known:
            multiply(before, weights.hh, products[:, to_hidden:], False, True)
    elif is_known:
        _blank(products, 0, products.shape[1])
    else:
        _blank(products, 0, to_hidden)
        multiply(before, weights.hh, products[:, to_hidden:], False, False)


@part
def _blank(products: Array, first: int, last: int) -> None:
    for b in range(products.shape[0]):
        for j in range(last - first):
            products[b, first + j] = ZERO


@part
def _come_in(t: int, gradients: Gradients) -> None:
    """Add what comes in at a step from outside."""
    d_hidden, d_steps = gradients.hidden, gradients.steps
    if len(d_steps):
        for b in range(d_hidden.shape[0]):
            for j in range(d_hidden.shape[1]):
                d_hidden[b, j] += d_steps[t, b, j]


@part
def _multiply_backwards(
    t: int,
    inputs: Inputs,
    weights: Weights,
    kept: Kept,
    gradients: Gradients,
    past_the_product: bool,
) -> None:
    """From the gradient of the products of a step to all that went into them.

    That of the hidden state before the step is added to `gradients.hidden` if there is one already,
    `past_the_product`.
    """
    rows = kept.products
    from_input, to_hidden = weights.ih.shape[0], rows.shape[1] - weights.hh.shape[0]
    into_input, into_hidden = rows[:, :from_input], rows[:, to_hidden:]
    if len(gradients.hh) and not (weights.from_zeros and t == 0):
        multiply(into_hidden, kept.hidden[t], gradients.hh, True, True)
    if len(gradients.ih):
        multiply(into_input, inputs.vectors[t], gradients.ih, True, True)
    if len(gradients.vectors):
        multiply(into_input, weights.ih, gradients.vectors[t], False, False)
    if t or gradients.of_state:
        multiply(into_hidden, weights.hh, gradients.hidden, False, past_the_product)


@part
def _place(inputs: Inputs, t: int, b: int) -> Any:
    """The row of the table that is added to a row of products."""
    return inputs.places[t, b] if len(inputs.places) else 0


@part
def _number(inputs: Inputs, t: int, b: int) -> Any:
    """What the last row of the table is multiplied by."""
    return inputs.numbers[t, b] if len(inputs.numbers) else ZERO


@part
def _sum(b: int, j: int, rows: Array, table: Array, place: int, number: Any) -> Any:
    """An entry of the products, and what the table adds to it."""
    return rows[b, j] + (table[place, j] + number * table[len(table) - 1, j])


@part
def _add_gradient(t: int, b: int, rows: Array, inputs: Inputs, d_table: Array) -> None:
    """Add to the gradient of the table what comes from that of row b (W,) of the products."""
    place, number, last = _place(inputs, t, b), _number(inputs, t, b), len(d_table) - 1
    for j in range(rows.shape[1]):
        d_table[place, j] += rows[b, j]
    if len(inputs.numbers):
        for j in range(rows.shape[1]):
            d_table[last, j] += number * rows[b, j]


@kernel
def rnn_forwards(steps: int, inputs: Inputs, weights: Weights, kept: Kept) -> None:
    """h = tanh(row)."""
    rows, table = kept.products, inputs.table
    for t in range(steps):
        _multiply_forwards(t, inputs, weights, kept)
        h = kept.hidden[(t + 1) % len(kept.hidden)]
        for b in range(len(h)):
            place, number = _place(inputs, t, b), _number(inputs, t, b)
            for j in range(h.shape[1]):
                h[b, j] = tanh(_sum(b, j, rows, table, place, number))


@kernel
def rnn_backwards(
    steps: int, inputs: Inputs, weights: Weights, kept: Kept, gradients: Gradients
) -> None:
    """d_row = d_h (1 - h^2)."""
    rows, d_h = kept.products, gradients.hidden
    for t in range(steps - 1, -1, -1):
        _come_in(t, gradients)
        h = kept.hidden[t + 1]
        for b in range(len(h)):
            for j in range(h.shape[1]):
                rows[b, j] = d_h[b, j] * (ONE - h[b, j] * h[b, j])
            _add_gradient(t, b, rows, inputs, gradients.table)
        _multiply_backwards(t, inputs, weights, kept, gradients, False)


@kernel
def rrn_forwards(steps: int, inputs: Inputs, weights: Weights, kept: Kept) -> None:
    """inc, dec = ReLU(row); c' = c + inc - dec; h = ReLU(c'). The tape (T, B, H) keeps, in bits,
    which of inc and dec have a gradient."""
    rows, table, n = kept.products, inputs.table, kept.hidden.shape[2]
    for t in range(steps):
        _multiply_forwards(t, inputs, weights, kept)
        bits, h = kept.tape[t % len(kept.tape)], kept.hidden[(t + 1) % len(kept.hidden)]
        c_before, c = kept.cell[t % len(kept.cell)], kept.cell[(t + 1) % len(kept.cell)]
        for b in range(len(h)):
            place, number = _place(inputs, t, b), _number(inputs, t, b)
            for j in range(2 * n):
                rows[b, j] = _sum(b, j, rows, table, place, number)
            # What is no number stays none: it is not below 0.
            for j in range(n):
                rise = ZERO if rows[b, j] < 0 else rows[b, j]
                fall = ZERO if rows[b, n + j] < 0 else rows[b, n + j]
                c[b, j] = c_before[b, j] + rise - fall
            for j in range(n):
                h[b, j] = ZERO if c[b, j] < 0 else c[b, j]
            for j in range(n):
                bits[b, j] = (NO_BIT if rows[b, j] <= 0 else INCREMENT_BIT) | (
                    NO_BIT if rows[b, n + j] <= 0 else DECREMENT_BIT
                )


@kernel
def rrn_backwards(
    steps: int, inputs: Inputs, weights: Weights, kept: Kept, gradients: Gradients
) -> None:
    """d_c += d_h where h > 0; d_inc = d_c where inc > 0; d_dec = -d_c where dec > 0."""
    rows, d_h, d_c = kept.products, gradients.hidden, gradients.cell
    n = d_h.shape[1]
    for t in range(steps - 1, -1, -1):
        _come_in(t, gradients)
        bits, h = kept.tape[t], kept.hidden[t + 1]
        for b in range(len(h)):
            for j in range(n):
                d_c[b, j] += ZERO if h[b, j] <= 0 else d_h[b, j]
            for j in range(n):
                rows[b, j] = d_c[b, j] if bits[b, j] & INCREMENT_BIT else ZERO
            for j in range(n):
                rows[b, n + j] = -d_c[b, j] if bits[b, j] & DECREMENT_BIT else ZERO
            _add_gradient(t, b, rows, inputs, gradients.table)
        _multiply_backwards(t, inputs, weights, kept, gradients, False)


@kernel
def lstm_forwards(steps: int, inputs: Inputs, weights: Weights, kept: Kept) -> None:
    """c' = g i + c f; h = tanh(c') o. The tape (T, B, 4H) keeps i, f, g, o."""
    rows, table, n = kept.products, inputs.table, kept.hidden.shape[2]
    f, g, o = n, 2 * n, 3 * n
    for t in range(steps):
        _multiply_forwards(t, inputs, weights, kept)
        gates, h = kept.tape[t % len(kept.tape)], kept.hidden[(t + 1) % len(kept.hidden)]
        c_before, c = kept.cell[t % len(kept.cell)], kept.cell[(t + 1) % len(kept.cell)]
        for b in range(len(h)):
            place, number = _place(inputs, t, b), _number(inputs, t, b)
            for j in range(2 * n):
                gates[b, j] = sigmoid(_sum(b, j, rows, table, place, number))
            for j in range(n):
                gates[b, g + j] = tanh(_sum(b, g + j, rows, table, place, number))
            for j in range(n):
                gates[b, o + j] = sigmoid(_sum(b, o + j, rows, table, place, number))
            for j in range(n):
                c[b, j] = gates[b, g + j] * gates[b, j] + c_before[b, j] * gates[b, f + j]
            for j in range(n):
                h[b, j] = tanh(c[b, j]) * gates[b, o + j]


@kernel
def lstm_backwards(
    steps: int, inputs: Inputs, weights: Weights, kept: Kept, gradients: Gradients
) -> None:
    """d_c += d_h o (1 - tanh(c')^2), and from it the gradient of each gate."""
    rows, d_h, d_c = kept.products, gradients.hidden, gradients.cell
    n = d_h.shape[1]
    f, g, o = n, 2 * n, 3 * n
    for t in range(steps - 1, -1, -1):
        _come_in(t, gradients)
        gates, c_before, c = kept.tape[t], kept.cell[t], kept.cell[t + 1]
        for b in range(len(c)):
            for j in range(n):
                # Cheaper made again than kept.
                rows[b, o + j] = tanh(c[b, j])
            for j in range(n):
                squashed = rows[b, o + j]
                d_c[b, j] += d_h[b, j] * gates[b, o + j] * (ONE - squashed * squashed)
            for j in range(n):
                rows[b, o + j] *= d_h[b, j] * gates[b, o + j] * (ONE - gates[b, o + j])
            for j in range(n):
                rows[b, j] = d_c[b, j] * gates[b, g + j] * gates[b, j] * (ONE - gates[b, j])
            for j in range(n):
                candidate = gates[b, g + j]
                rows[b, g + j] = d_c[b, j] * gates[b, j] * (ONE - candidate * candidate)
            for j in range(n):
                forget = gates[b, f + j]
                rows[b, f + j] = d_c[b, j] * c_before[b, j] * forget * (ONE - forget)
            for j in range(n):
                d_c[b, j] *= gates[b, f + j]
            _add_gradient(t, b, rows, inputs, gradients.table)
        _multiply_backwards(t, inputs, weights, kept, gradients, False)


@kernel
def gru_forwards(steps: int, inputs: Inputs, weights: Weights, kept: Kept) -> None:
    """h' = (1 - z) n + z h, n = tanh(n + r q). The tape (T, B, 4H) keeps n, r, z, q."""
    rows, table, m = kept.products, inputs.table, kept.hidden.shape[2]
    r, z, q = m, 2 * m, 3 * m
    for t in range(steps):
        _multiply_forwards(t, inputs, weights, kept)
        gates, h_before = kept.tape[t % len(kept.tape)], kept.hidden[t % len(kept.hidden)]
        h = kept.hidden[(t + 1) % len(kept.hidden)]
        for b in range(len(h)):
            place, number = _place(inputs, t, b), _number(inputs, t, b)
            for j in range(2 * m):
                gates[b, r + j] = sigmoid(_sum(b, r + j, rows, table, place, number))
            for j in range(m):
                gates[b, q + j] = _sum(b, q + j, rows, table, place, number)
            for j in range(m):
                inner = gates[b, r + j] * gates[b, q + j]
                h[b, j] = tanh(_sum(b, j, rows, table, place, number) + inner)
            for j in range(m):
                gates[b, j] = h[b, j]
            for j in range(m):
                update = gates[b, z + j]
                h[b, j] = (ONE - update) * h[b, j] + update * h_before[b, j]


@kernel
def gru_backwards(
    steps: int, inputs: Inputs, weights: Weights, kept: Kept, gradients: Gradients
) -> None:
    """d_h' to the gradients of n, r, z, q, and to d_h' z, which goes straight on to h."""
    rows, d_h, d_sum = kept.products, gradients.hidden, gradients.cell[0]
    m = d_h.shape[1]
    r, z, q = m, 2 * m, 3 * m
    for t in range(steps - 1, -1, -1):
        _come_in(t, gradients)
        gates, h_before = kept.tape[t], kept.hidden[t]
        for b in range(len(h_before)):
            for j in range(m):
                change, update = h_before[b, j] - gates[b, j], gates[b, z + j]
                rows[b, z + j] = d_h[b, j] * change * update * (ONE - update)
            for j in range(m):
                d_sum[j] = d_h[b, j] * (ONE - gates[b, z + j]) * (ONE - gates[b, j] * gates[b, j])
            for j in range(m):
                rows[b, j] = d_sum[j]
            for j in range(m):
                rows[b, q + j] = d_sum[j] * gates[b, r + j]
            for j in range(m):
                reset = gates[b, r + j]
                rows[b, r + j] = d_sum[j] * gates[b, q + j] * reset * (ONE - reset)
            for j in range(m):
                d_h[b, j] *= gates[b, z + j]
            _add_gradient(t, b, rows, inputs, gradients.table)
        _multiply_backwards(t, inputs, weights, kept, gradients, True)
