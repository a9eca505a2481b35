"""Sigmoid and tanh for compiled code, which the compiler can turn into vector code."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from layers.backends.compilation import part

ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)


@intrinsic
def _bits(context: Any, number: Any) -> Any:
    """The bits of a float32, as an int32."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def _from_bits(context: Any, bits: Any) -> Any:
    """The float32 with the bits of an int32."""

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
