"""How exact sigmoid and tanh of the kernels are.

Errors are in units of the last place of the exact result, in float32. Bounds are a little above
what was measured on the grid: 1.98 for sigmoid, 2.49 for tanh; 3 between tanh(x) and -tanh(-x);
and where x rises, no fall of sigmoid, and falls of up to 2 of tanh.
"""

import math

import numpy as np
import pytest
from numba import njit

from layers.backends.compilation import OPTIONS
from layers.backends.elementary import sigmoid, tanh


@njit(**OPTIONS)
def sigmoid_of(x, result):
    for j in range(len(x)):
        result[j] = sigmoid(x[j])


@njit(**OPTIONS)
def tanh_of(x, result):
    for j in range(len(x)):
        result[j] = tanh(x[j])


def apply(function, x):
    result = np.empty_like(x)
    {"sigmoid": sigmoid_of, "tanh": tanh_of}[function](x, result)
    return result


def exact(function, x):
    x = x.astype(np.float64)
    if function == "tanh":
        return np.tanh(x)
    # Without overflow on either side.
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


SIZES = np.geomspace(1e-38, 87, 300_001)
GRID = np.concatenate((-SIZES[::-1], SIZES, np.linspace(-12, 12, 300_001)))
GRID = np.unique(GRID.astype(np.float32))


def ulps(function, x):
    expected = exact(function, x)
    return np.abs(apply(function, x) - expected) / np.spacing(np.abs(expected.astype(np.float32)))


@pytest.mark.parametrize("function, bound", [("sigmoid", 2.2), ("tanh", 2.8)])
def test_error_in_float32(function, bound):
    assert ulps(function, GRID).max() <= bound


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_float64_is_that_of_the_library(function):
    x = np.concatenate((np.linspace(-700, 700, 20_001), np.geomspace(1e-300, 1, 2_001)))
    expected = exact(function, x) if function == "sigmoid" else [math.tanh(each) for each in x]
    np.testing.assert_allclose(apply(function, x), expected, rtol=4e-16, atol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values(dtype):
    least = np.finfo(dtype).smallest_subnormal
    tiny = np.finfo(dtype).tiny
    x = np.array([0, least, tiny, 88, 1e30, np.inf], dtype)
    np.testing.assert_array_equal(apply("tanh", x), np.array([0, least, tiny, 1, 1, 1], dtype))
    np.testing.assert_array_equal(apply("sigmoid", x), np.array([0.5] * 3 + [1] * 3, dtype))
    # The float32 one is 0 from -87 on, a little early.
    np.testing.assert_allclose(apply("sigmoid", -x[3:]), [0, 0, 0], atol=1e-37)
    np.testing.assert_array_equal(apply("sigmoid", -x[4:]), np.zeros(2, dtype))
    for function in ("sigmoid", "tanh"):
        assert np.isnan(apply(function, np.full(17, np.nan, dtype))).all()


def test_tanh_is_odd():
    """But for the last places: what is small is the better side of exp(2y) - 1."""
    both = -apply("tanh", -GRID), apply("tanh", GRID)
    assert (np.abs(both[0] - both[1]) <= 4 * np.spacing(np.abs(both[1]))).all()


@pytest.mark.parametrize("function, most", [("sigmoid", 0), ("tanh", 2)])
def test_rises(function, most):
    """But for the last places, where the function is almost flat."""
    values = apply(function, GRID).astype(np.float64)
    fall = np.maximum.accumulate(values) - values
    assert (fall <= most * np.spacing(np.abs(values).astype(np.float32))).all()


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_the_same_wherever_in_the_row(function):
    """Vector code, and what is left over at the end of a row, give the same bits."""
    x = np.linspace(-9, 9, 67, dtype=np.float32)
    alone = np.concatenate([apply(function, x[j : j + 1]) for j in range(len(x))])
    for start in range(8):
        np.testing.assert_array_equal(apply(function, x[start:]), alone[start:])
