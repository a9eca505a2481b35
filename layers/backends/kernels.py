"""The walk of each cell through time on a CPU, forwards and backwards, in compiled code.

Between two matrix products there is one pass over memory a step, row after row, so that a row of
gates stays in the innermost cache until it is done with. torch makes a pass for each sigmoid, sum
and product. What is said of loops in :mod:`layers.backends.walking` holds here.

All take what it names. Those that go forwards return whether the products with the first hidden
state are known to be zero, and those that go back take it.
"""

from __future__ import annotations

import numpy as np

from layers.backends.compilation import kernel
from layers.backends.elementary import ONE, ZERO, sigmoid, tanh
from layers.backends.walking import (
    Gradients,
    Inputs,
    Parameters,
    Space,
    States,
    add_gradient,
    begin,
    begin_back,
    come_in,
    give,
    give_back,
    multiply_backwards,
    multiply_forwards,
    number_of,
    place_of,
    sum_of,
)

NO_BIT, INCREMENT_BIT, DECREMENT_BIT = np.uint8(0), np.uint8(1), np.uint8(2)


@kernel
def rnn_forwards(
    steps: int,
    inputs: Inputs,
    parameters: Parameters,
    space: Space,
    first: States,
    last: States,
) -> bool:
    """h = tanh(row)."""
    rows, table = space.products, space.table
    from_zeros = begin(inputs, parameters, space, first)
    for t in range(steps):
        multiply_forwards(t, inputs, parameters, space, from_zeros)
        h = space.hidden[(t + 1) % len(space.hidden)]
        for b in range(len(h)):
            place, number = place_of(inputs, t, b), number_of(inputs, t, b)
            for j in range(h.shape[1]):
                h[b, j] = tanh(sum_of(b, j, rows, table, place, number))
    give(steps, space, last)
    return from_zeros


@kernel
def rnn_backwards(
    steps: int,
    inputs: Inputs,
    parameters: Parameters,
    space: Space,
    gradients: Gradients,
    from_zeros: bool,
) -> None:
    """d_row = d_h (1 - h^2)."""
    rows, d_h = space.products, gradients.carried.hidden
    begin_back(space, gradients)
    for t in range(steps - 1, -1, -1):
        come_in(t, gradients)
        h = space.hidden[t + 1]
        for b in range(len(h)):
            for j in range(h.shape[1]):
                rows[b, j] = d_h[b, j] * (ONE - h[b, j] * h[b, j])
            add_gradient(t, b, inputs, space)
        multiply_backwards(t, inputs, parameters, space, gradients, from_zeros, False)
    give_back(inputs, space, gradients.parameters)


@kernel
def rrn_forwards(
    steps: int,
    inputs: Inputs,
    parameters: Parameters,
    space: Space,
    first: States,
    last: States,
) -> bool:
    """inc, dec = ReLU(row); c' = c + inc - dec; h = ReLU(c'). The tape (T, B, H) keeps, in bits,
    which of inc and dec have a gradient."""
    rows, table, n = space.products, space.table, space.hidden.shape[2]
    from_zeros = begin(inputs, parameters, space, first)
    for t in range(steps):
        multiply_forwards(t, inputs, parameters, space, from_zeros)
        bits, h = space.tape[t % len(space.tape)], space.hidden[(t + 1) % len(space.hidden)]
        c_before, c = space.cell[t % len(space.cell)], space.cell[(t + 1) % len(space.cell)]
        for b in range(len(h)):
            place, number = place_of(inputs, t, b), number_of(inputs, t, b)
            for j in range(2 * n):
                rows[b, j] = sum_of(b, j, rows, table, place, number)
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
    give(steps, space, last)
    return from_zeros


@kernel
def rrn_backwards(
    steps: int,
    inputs: Inputs,
    parameters: Parameters,
    space: Space,
    gradients: Gradients,
    from_zeros: bool,
) -> None:
    """d_c += d_h where h > 0; d_inc = d_c where inc > 0; d_dec = -d_c where dec > 0."""
    rows, (d_h, d_c) = space.products, gradients.carried
    n = d_h.shape[1]
    begin_back(space, gradients)
    for t in range(steps - 1, -1, -1):
        come_in(t, gradients)
        bits, h = space.tape[t], space.hidden[t + 1]
        for b in range(len(h)):
            for j in range(n):
                d_c[b, j] += ZERO if h[b, j] <= 0 else d_h[b, j]
            for j in range(n):
                rows[b, j] = d_c[b, j] if bits[b, j] & INCREMENT_BIT else ZERO
            for j in range(n):
                rows[b, n + j] = -d_c[b, j] if bits[b, j] & DECREMENT_BIT else ZERO
            add_gradient(t, b, inputs, space)
        multiply_backwards(t, inputs, parameters, space, gradients, from_zeros, False)
    give_back(inputs, space, gradients.parameters)


@kernel
def lstm_forwards(
    steps: int,
    inputs: Inputs,
    parameters: Parameters,
    space: Space,
    first: States,
    last: States,
) -> bool:
    """c' = g i + c f; h = tanh(c') o. The tape (T, B, 4H) keeps i, f, g, o."""
    rows, table, n = space.products, space.table, space.hidden.shape[2]
    f, g, o = n, 2 * n, 3 * n
    from_zeros = begin(inputs, parameters, space, first)
    for t in range(steps):
        multiply_forwards(t, inputs, parameters, space, from_zeros)
        gates, h = space.tape[t % len(space.tape)], space.hidden[(t + 1) % len(space.hidden)]
        c_before, c = space.cell[t % len(space.cell)], space.cell[(t + 1) % len(space.cell)]
        for b in range(len(h)):
            place, number = place_of(inputs, t, b), number_of(inputs, t, b)
            for j in range(2 * n):
                gates[b, j] = sigmoid(sum_of(b, j, rows, table, place, number))
            for j in range(n):
                gates[b, g + j] = tanh(sum_of(b, g + j, rows, table, place, number))
            for j in range(n):
                gates[b, o + j] = sigmoid(sum_of(b, o + j, rows, table, place, number))
            for j in range(n):
                c[b, j] = gates[b, g + j] * gates[b, j] + c_before[b, j] * gates[b, f + j]
            for j in range(n):
                h[b, j] = tanh(c[b, j]) * gates[b, o + j]
    give(steps, space, last)
    return from_zeros


@kernel
def lstm_backwards(
    steps: int,
    inputs: Inputs,
    parameters: Parameters,
    space: Space,
    gradients: Gradients,
    from_zeros: bool,
) -> None:
    """d_c += d_h o (1 - tanh(c')^2), and from it the gradient of each gate."""
    rows, (d_h, d_c) = space.products, gradients.carried
    n = d_h.shape[1]
    f, g, o = n, 2 * n, 3 * n
    begin_back(space, gradients)
    for t in range(steps - 1, -1, -1):
        come_in(t, gradients)
        gates, c_before, c = space.tape[t], space.cell[t], space.cell[t + 1]
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
            add_gradient(t, b, inputs, space)
        multiply_backwards(t, inputs, parameters, space, gradients, from_zeros, False)
    give_back(inputs, space, gradients.parameters)


@kernel
def gru_forwards(
    steps: int,
    inputs: Inputs,
    parameters: Parameters,
    space: Space,
    first: States,
    last: States,
) -> bool:
    """h' = (1 - z) n + z h, n = tanh(n + r q). The tape (T, B, 4H) keeps n, r, z, q."""
    rows, table, m = space.products, space.table, space.hidden.shape[2]
    r, z, q = m, 2 * m, 3 * m
    from_zeros = begin(inputs, parameters, space, first)
    for t in range(steps):
        multiply_forwards(t, inputs, parameters, space, from_zeros)
        gates, h_before = space.tape[t % len(space.tape)], space.hidden[t % len(space.hidden)]
        h = space.hidden[(t + 1) % len(space.hidden)]
        for b in range(len(h)):
            place, number = place_of(inputs, t, b), number_of(inputs, t, b)
            for j in range(2 * m):
                gates[b, r + j] = sigmoid(sum_of(b, r + j, rows, table, place, number))
            for j in range(m):
                gates[b, q + j] = sum_of(b, q + j, rows, table, place, number)
            for j in range(m):
                inner = gates[b, r + j] * gates[b, q + j]
                h[b, j] = tanh(sum_of(b, j, rows, table, place, number) + inner)
            for j in range(m):
                gates[b, j] = h[b, j]
            for j in range(m):
                update = gates[b, z + j]
                h[b, j] = (ONE - update) * h[b, j] + update * h_before[b, j]
    give(steps, space, last)
    return from_zeros


@kernel
def gru_backwards(
    steps: int,
    inputs: Inputs,
    parameters: Parameters,
    space: Space,
    gradients: Gradients,
    from_zeros: bool,
) -> None:
    """d_h' to the gradients of n, r, z, q, and to d_h' z, which goes straight on to h."""
    rows, d_h, d_sum = space.products, gradients.carried.hidden, gradients.carried.cell[0]
    m = d_h.shape[1]
    r, z, q = m, 2 * m, 3 * m
    begin_back(space, gradients)
    for t in range(steps - 1, -1, -1):
        come_in(t, gradients)
        gates, h_before = space.tape[t], space.hidden[t]
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
            add_gradient(t, b, inputs, space)
        multiply_backwards(t, inputs, parameters, space, gradients, from_zeros, True)
    give_back(inputs, space, gradients.parameters)
