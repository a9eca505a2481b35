"""The same walk, to the last bit."""

import pytest
import torch

from tests.layers.backends.problems import every_cell, every_kind, outputs_of, problem, trained

# Rows that begin anywhere in a line of the cache and in a vector register.
SIZES = [(3, 1, 1), (4, 3, 7), (5, 5, 13), (6, 9, 33), (3, 7, 64)]


@every_cell
@every_kind
def test_again_whatever_came_in_between(cell_type, kind):
    problems = [problem(cell_type, kind, T, B, 3, H, torch.float32) for T, B, H in SIZES]
    first = [trained(layer, "numba", *rest) for layer, *rest in problems]
    for k in (4, 0, 3, 1, 2, 2):
        layer, *rest = problems[k]
        for name, again in trained(layer, "numba", *rest).items():
            assert torch.equal(again, first[k][name]), name


@every_cell
@every_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_with_gradients_or_without(cell_type, kind, dtype):
    for T, B, H in SIZES:
        layer, inputs, state = problem(cell_type, kind, T, B, 3, H, dtype)
        layer.backend = "numba"
        for all_steps in (True, False):
            wanted = outputs_of(layer, inputs, state, all_steps)
            with torch.no_grad():
                plain = outputs_of(layer, inputs, state, all_steps)
            for name, output in plain.items():
                assert torch.equal(output, wanted[name]), (name, T, B, H)
