"""Products from compiled code, against numpy's."""

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from layers.backends.blas import multiply
from layers.backends.compilation import OPTIONS

SIZES = [
    (1, 1, 1),
    (3, 4, 5),
    (1, 7, 2),
    (5, 1, 3),
    (7, 3, 1),
    (128, 64, 256),
    (0, 3, 4),
    (3, 0, 4),
]


@njit(**OPTIONS)
def product(a, b, out, turned, adds):
    multiply(a, b, out, turned, adds)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("rows, inner, columns", SIZES)
def test_equals_numpy(dtype, turned, adds, rows, inner, columns):
    random = np.random.default_rng(0)
    # Of each only a part, so that rows are further apart than they are long.
    a, b, out = (
        random.standard_normal((height, width + 5)).astype(dtype)[:, 2:-3]
        for height, width in (
            (inner, rows) if turned else (rows, inner),
            (inner, columns),
            (rows, columns),
        )
    )
    expected = (a.T if turned else a) @ b + (out if adds else 0)
    around = np.array(out.base if out.base.ndim == 2 else out, copy=True)
    product(a, b, out, turned, adds)
    np.testing.assert_allclose(
        out, expected, rtol=1e-4, atol=1e-4 if dtype == np.float32 else 1e-12
    )
    around[:, 2:-3] = out
    np.testing.assert_array_equal(out.base, around)


@pytest.mark.parametrize("adds", [False, True])
def test_what_is_there_counts_only_if_it_is_added_to(adds):
    a, b, out = np.ones((2, 3)), np.ones((3, 4)), np.full((2, 4), np.nan)
    product(a, b, out, False, adds)
    assert np.isnan(out).all() == adds


@pytest.mark.parametrize(
    "other", [np.ones((3, 4), np.float32), np.ones(3), np.ones((3, 4), np.int64)]
)
def test_mixed_types_are_not_compiled(other):
    with pytest.raises(TypingError):
        product(np.ones((2, 3)), other, np.ones((2, 4)), False, False)
