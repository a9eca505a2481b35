"""One time step of each cell on a CPU, forwards and backwards, compiled for the machine it runs on.

What is left of a cell between its matrix products: one pass over memory a step, row after row, so
that a row of gates stays in the innermost cache until it is done with. torch makes a pass for each
sigmoid, sum and product.

All share their arguments. With B examples, H hidden units, and W = n H columns, n blocks of H:

- ``products`` (B, W): of step t with input and hidden state; used up.
- ``gradient`` (S, B, W): that of the products of step t is written to its entry t, or to the only
  one that it has. Of the LSTM and the GRU it is the tape, which is written over.
- ``d_hidden``, ``d_cell`` (B, H): gradient of the states after step t, which becomes that of the
  states before it, but for what goes through the product with the hidden state.

Loops write to one or two rows each, since the compiler makes vector code only of those that it
can prove, in a few comparisons, not to overlap. Kernels and elementary functions share one file:
the compiled code on disk is thrown away when this file changes, whatever other files do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from filelock import FileLock
from numba import njit, types
from numba.extending import intrinsic, overload

Array: TypeAlias = npt.NDArray[Any]
Function = TypeVar("Function", bound=Callable[..., Any])

# How inputs come in: as vectors, multiplied by their weights already; as one number each; as the
# place of the one in a one-hot vector.
DENSE, NUMBER, PLACE = 0, 1, 2


class Inputs(NamedTuple):
    """What inputs add to the products.

    Attributes:
        kind: DENSE, NUMBER or PLACE.
        numbers, places: (T, B), where inputs are such.
        table: (V, W); its first row is the bias, a second one the weights of a number; or of a
            one-hot vector of V entries, the sum of both for each place of the one. In backward
            kernels it is their gradient, which is added to.
    """

    kind: int
    numbers: Array
    places: Array
    table: Array


class Kept(NamedTuple):
    """What is kept of all steps.

    Attributes:
        tape: (T, B, ...), what a backward kernel needs beside the states; without entries where
            there is no way back.
        hidden, cell: (T+1, B, H), states; the entry t is the one before step t. Where there is no
            way back they may be shorter, and are used in turn.
    """

    tape: Array
    hidden: Array
    cell: Array


# Products may be fused with sums, but nothing is reordered, and what is no number stays none.
OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)
NO_BIT, INCREMENT_BIT, DECREMENT_BIT = np.uint8(0), np.uint8(1), np.uint8(2)


def kernel(function: Function) -> Function:
    """Compile on first use, and keep the compiled code on disk where there is a place for it."""
    try:
        compiled = njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        return part(function)
    save = compiled._cache.save_overload

    def save_alone(signature: Any, data: Any) -> None:
        # Two processes that save different types at once might each name the other's code; and on
        # a disk that is full, what is compiled is of use all the same.
        with suppress(OSError), FileLock(Path(compiled._cache.cache_path) / "numba.lock"):
            save(signature, data)

    compiled._cache.save_overload = save_alone
    found: Function = compiled
    return found


def part(function: Function) -> Function:
    """Compile as a part of the kernels that call it."""
    compiled: Function = njit(**OPTIONS)(function)
    return compiled


@intrinsic
def _bits(context: Any, number: Any) -> Any:
    """The bits of a float32, as an int32."""
    from llvmlite import ir

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def _from_bits(context: Any, bits: Any) -> Any:
    """The float32 with the bits of an int32."""
    from llvmlite import ir

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


# 2^23 + 2^22: added to a float32 below 2^22, it leaves the nearest whole number in the last bits.
ROUNDING = np.float32(12582912)
LOG2_E = np.float32(1.4426950408889634)
# log 2 in two parts, the first short enough for its product with a whole number to be exact (Cody
# and Waite 1980, "Software Manual for the Elementary Functions").
LOG_2_HIGH, LOG_2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
# Of the polynomial r + C2 r^2 + ... + C6 r^6 that strays least from exp(r) - 1 for |r| up to
# log(2) / 2: by 1.6e-8 of r, where as much of the Taylor series strays by 3.6e-7.
C2, C3, C4, C5, C6 = map(np.float32, (0.5, 0.16666543, 0.04166628, 0.0083666108, 0.0013946497))
EXPONENT_BITS, EXPONENT_OF_ONE = np.int32(23), np.int32(127 << 23)
# Beyond, exp leaves float32; and tanh is 1 to all its digits.
MOST_EXP, MOST_TANH = np.float32(87), np.float32(9.2)


@part
def _exp_parts(y: Any) -> Any:
    """2^k and exp(r) - 1 of y = k log 2 + r, for |y| of at most 87, in float32."""
    shifted = y * LOG2_E + ROUNDING
    k = shifted - ROUNDING
    power: Any = _from_bits((_bits(shifted) << EXPONENT_BITS) + EXPONENT_OF_ONE)  # type: ignore[call-arg]
    r = y - k * LOG_2_HIGH
    r = r - k * LOG_2_LOW
    p = C6
    p = p * r + C5
    p = p * r + C4
    p = p * r + C3
    p = p * r + C2
    return power, p * (r * r) + r


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), for kernels; see the tests for how exact it is."""
    return 1 / (1 + math.exp(-x))


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, for kernels; see the tests for how exact it is."""
    return math.tanh(x)


@overload(sigmoid)
def _sigmoid(x: Any) -> Any:
    if x != types.float32:

        def float64(x: Any) -> Any:
            return 1.0 / (1.0 + math.exp(-x))

        return float64

    def float32(x: Any) -> Any:
        # Written so that what is no number passes; 0 far down, which makes none of an infinity.
        y = -x
        y = -MOST_EXP if y < -MOST_EXP else y
        power, p = _exp_parts(y)
        return ZERO if y > MOST_EXP else ONE / (ONE + (power * p + power))

    return float32


@overload(tanh)
def _tanh(x: Any) -> Any:
    if x != types.float32:

        def float64(x: Any) -> Any:
            return math.tanh(x)

        return float64

    def float32(x: Any) -> Any:
        y = MOST_TANH if x > MOST_TANH else x
        y = -MOST_TANH if y < -MOST_TANH else y
        # By exp(2y) - 1, which keeps all digits of a small y.
        power, p = _exp_parts(y + y)
        e = power * p + (power - ONE)
        return e / (e + TWO)

    return float32


@part
def _add_input(row: Array, inputs: Inputs, t: int, b: int) -> None:
    """Add to a row (W,) what comes from the input and from the bias."""
    if inputs.kind == PLACE:
        entry = inputs.table[inputs.places[t, b]]
        for j in range(row.shape[0]):
            row[j] += entry[j]
        return
    bias = inputs.table[0]
    if inputs.kind == NUMBER:
        number, weights = inputs.numbers[t, b], inputs.table[1]
        for j in range(row.shape[0]):
            row[j] += number * weights[j] + bias[j]
    else:
        for j in range(row.shape[0]):
            row[j] += bias[j]


@part
def _add_gradient(row: Array, inputs: Inputs, t: int, b: int) -> None:
    """Add to the gradient of the table what comes from that of a row (W,)."""
    if inputs.kind == PLACE:
        d_entry = inputs.table[inputs.places[t, b]]
        for j in range(row.shape[0]):
            d_entry[j] += row[j]
        return
    d_bias = inputs.table[0]
    for j in range(row.shape[0]):
        d_bias[j] += row[j]
    if inputs.kind == NUMBER:
        number, d_weights = inputs.numbers[t, b], inputs.table[1]
        for j in range(row.shape[0]):
            d_weights[j] += number * row[j]


@part
def _gates(row: Array, tape: Array, t: int, b: int) -> Array:
    """Where the gates (W,) of a row go: to the tape, or over the row if there is none."""
    gates: Array = tape[t, b] if len(tape) else row
    return gates


@kernel
def rnn_forward(t: int, products: Array, inputs: Inputs, kept: Kept) -> None:
    """h = tanh(row)."""
    after = kept.hidden[(t + 1) % len(kept.hidden)]
    for b in range(len(products)):
        row, h = products[b], after[b]
        _add_input(row, inputs, t, b)
        for j in range(len(h)):
            h[j] = tanh(row[j])


@kernel
def rnn_backward(
    t: int, gradient: Array, inputs: Inputs, kept: Kept, d_hidden: Array, d_cell: Array
) -> None:
    """d_row = d_h (1 - h^2)."""
    rows, after = gradient[t % len(gradient)], kept.hidden[t + 1]
    for b in range(len(rows)):
        row, h, d_h = rows[b], after[b], d_hidden[b]
        for j in range(len(h)):
            row[j] = d_h[j] * (ONE - h[j] * h[j])
        _add_gradient(row, inputs, t, b)


@kernel
def rrn_forward(t: int, products: Array, inputs: Inputs, kept: Kept) -> None:
    """inc, dec = ReLU(row); c' = c + inc - dec; h = ReLU(c'). The tape (T, B, H) keeps, in bits,
    which of inc and dec have a gradient."""
    after = kept.hidden[(t + 1) % len(kept.hidden)]
    cell_before, cell_after = kept.cell[t % len(kept.cell)], kept.cell[(t + 1) % len(kept.cell)]
    for b in range(len(products)):
        row, h, c_before, c = products[b], after[b], cell_before[b], cell_after[b]
        _add_input(row, inputs, t, b)
        n = len(h)
        increment, decrement = row[:n], row[n:]
        # What is no number stays none: it is not below 0.
        for j in range(n):
            rise = ZERO if increment[j] < 0 else increment[j]
            fall = ZERO if decrement[j] < 0 else decrement[j]
            c[j] = c_before[j] + rise - fall
        for j in range(n):
            h[j] = ZERO if c[j] < 0 else c[j]
        if len(kept.tape):
            bits = kept.tape[t, b]
            for j in range(n):
                bits[j] = (NO_BIT if increment[j] <= 0 else INCREMENT_BIT) | (
                    NO_BIT if decrement[j] <= 0 else DECREMENT_BIT
                )


@kernel
def rrn_backward(
    t: int, gradient: Array, inputs: Inputs, kept: Kept, d_hidden: Array, d_cell: Array
) -> None:
    """d_c += d_h where h > 0; d_inc = d_c where inc > 0; d_dec = -d_c where dec > 0."""
    rows, after = gradient[t % len(gradient)], kept.hidden[t + 1]
    for b in range(len(rows)):
        row, bits, h, d_h, d_c = rows[b], kept.tape[t, b], after[b], d_hidden[b], d_cell[b]
        n = len(h)
        increment, decrement = row[:n], row[n:]
        for j in range(n):
            d_c[j] += ZERO if h[j] <= 0 else d_h[j]
        for j in range(n):
            increment[j] = d_c[j] if bits[j] & INCREMENT_BIT else ZERO
            decrement[j] = -d_c[j] if bits[j] & DECREMENT_BIT else ZERO
        _add_gradient(row, inputs, t, b)


@kernel
def lstm_forward(t: int, products: Array, inputs: Inputs, kept: Kept) -> None:
    """c' = g i + c f; h = tanh(c') o. The tape (T, B, 4H) keeps i, f, g, o."""
    after = kept.hidden[(t + 1) % len(kept.hidden)]
    cell_before, cell_after = kept.cell[t % len(kept.cell)], kept.cell[(t + 1) % len(kept.cell)]
    for b in range(len(products)):
        row, h, c_before, c = products[b], after[b], cell_before[b], cell_after[b]
        _add_input(row, inputs, t, b)
        n = len(h)
        gates = _gates(row, kept.tape, t, b)
        i, f, g, o = gates[:n], gates[n : 2 * n], gates[2 * n : 3 * n], gates[3 * n :]
        g_sum, o_sum = row[2 * n : 3 * n], row[3 * n :]
        for j in range(2 * n):
            gates[j] = sigmoid(row[j])
        for j in range(n):
            g[j] = tanh(g_sum[j])
        for j in range(n):
            o[j] = sigmoid(o_sum[j])
        for j in range(n):
            c[j] = g[j] * i[j] + c_before[j] * f[j]
        for j in range(n):
            h[j] = tanh(c[j]) * o[j]


@kernel
def lstm_backward(
    t: int, gradient: Array, inputs: Inputs, kept: Kept, d_hidden: Array, d_cell: Array
) -> None:
    """d_c += d_h o (1 - tanh(c')^2), and from it the gradient of each gate, written over it."""
    rows, cell_before, cell_after = gradient[t], kept.cell[t], kept.cell[t + 1]
    for b in range(len(rows)):
        row, c_before, c, d_h, d_c = rows[b], cell_before[b], cell_after[b], d_hidden[b], d_cell[b]
        n = len(d_h)
        i, f, g, o = row[:n], row[n : 2 * n], row[2 * n : 3 * n], row[3 * n :]
        for j in range(n):
            # Cheaper made again than kept.
            squashed = tanh(c[j])
            d_c[j] += d_h[j] * o[j] * (ONE - squashed * squashed)
            o[j] = d_h[j] * squashed * o[j] * (ONE - o[j])
        for j in range(n):
            input_gate, candidate = i[j], g[j]
            i[j] = d_c[j] * candidate * input_gate * (ONE - input_gate)
            g[j] = d_c[j] * input_gate * (ONE - candidate * candidate)
        for j in range(n):
            forget = f[j]
            f[j] = d_c[j] * c_before[j] * forget * (ONE - forget)
            d_c[j] *= forget
        _add_gradient(row, inputs, t, b)


@kernel
def gru_forward(t: int, products: Array, inputs: Inputs, kept: Kept) -> None:
    """h' = (1 - z) n + z h, n = tanh(n + r q). The tape (T, B, 4H) keeps n, r, z, q."""
    before, after = kept.hidden[t % len(kept.hidden)], kept.hidden[(t + 1) % len(kept.hidden)]
    for b in range(len(products)):
        row, h_before, h = products[b], before[b], after[b]
        _add_input(row, inputs, t, b)
        m = len(h)
        gates = _gates(row, kept.tape, t, b)
        n, r, z, q = gates[:m], gates[m : 2 * m], gates[2 * m : 3 * m], gates[3 * m :]
        both, both_sums, n_sum, q_sum = gates[m : 3 * m], row[m : 3 * m], row[:m], row[3 * m :]
        for j in range(2 * m):
            both[j] = sigmoid(both_sums[j])
        for j in range(m):
            q[j] = q_sum[j]
        for j in range(m):
            n[j] = tanh(n_sum[j] + r[j] * q[j])
        for j in range(m):
            h[j] = (ONE - z[j]) * n[j] + z[j] * h_before[j]


@kernel
def gru_backward(
    t: int, gradient: Array, inputs: Inputs, kept: Kept, d_hidden: Array, d_cell: Array
) -> None:
    """d_h' to the gradients of n, r, z, q, written over them, and to d_h' z, which goes straight
    on to h."""
    rows, before = gradient[t], kept.hidden[t]
    for b in range(len(rows)):
        row, h_before, d_h = rows[b], before[b], d_hidden[b]
        m = len(d_h)
        n, r, z, q = row[:m], row[m : 2 * m], row[2 * m : 3 * m], row[3 * m :]
        for j in range(m):
            d, update, candidate = d_h[j], z[j], n[j]
            z[j] = d * (h_before[j] - candidate) * update * (ONE - update)
            n[j] = d * (ONE - update) * (ONE - candidate * candidate)
            d_h[j] = d * update
        for j in range(m):
            reset, inner = r[j], q[j]
            r[j] = n[j] * inner * reset * (ONE - reset)
            q[j] = n[j] * reset
        _add_gradient(row, inputs, t, b)
