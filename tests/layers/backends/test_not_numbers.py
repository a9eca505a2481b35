"""What is no number, infinities, very large numbers, and ReLUs at exactly 0."""

import pytest
import torch

from layers import RRN
from tests.layers.backends.problems import every_cell, every_kind, problem, trained


def assert_same_numbers(ours, theirs):
    for name, expected in theirs.items():
        # Beside 1e30 in a sum, the rest is rounding.
        most = expected[expected.isfinite()].abs()
        most = float(most.max()) if len(most) else 0.0
        torch.testing.assert_close(
            ours[name],
            expected,
            rtol=1e-4,
            atol=1e-5 * max(1.0, most),
            equal_nan=True,
            msg=lambda text, n=name: f"{n}: {text}",
        )


def spoilt(layer, inputs, state, place, value):
    """The same problem, with one entry changed."""
    inputs, state = inputs.clone(), tuple(each.clone() for each in state)
    with torch.no_grad():
        target = {"inputs": inputs, "h": state[0], "c": state[-1]}.get(place)
        target = getattr(layer, place) if target is None else target
        target.view(-1)[target.numel() // 2] = value
    return layer, inputs, state


@every_cell
@every_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e30, -1e30])
def test_one_entry_that_is_none(cell_type, kind, dtype, value):
    places = ["h", "c", "weight_ih", "weight_hh", "bias"]
    for place in places + (["inputs"] if kind != "places" else []):
        torch.manual_seed(1)
        drawn = problem(cell_type, kind, 4, 3, 2, 19, dtype)
        layer, inputs, state = spoilt(*drawn, place, value)
        loop = trained(layer, "loop", inputs, state)
        numba = trained(layer, "numba", inputs, state)
        for name, expected in loop.items():
            assert torch.equal(numba[name].isnan(), expected.isnan()), (place, name)
            assert torch.equal(numba[name].isinf(), expected.isinf()), (place, name)
        if cell_type is not RRN or abs(value) != 1e30:
            # An RRN carries it on: what is left of it after it cancels is rounding.
            assert_same_numbers(numba, loop)


@every_cell
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_none_spoils_a_walk_from_zeros(cell_type, value):
    """There, a product with finite weights would be left out."""
    layer, inputs, _ = problem(cell_type, "dense", 1, 3, 2, 19)
    with torch.no_grad():
        layer.weight_hh[5, 7] = value
    found = []
    for layer.backend in ("loop", "numba"):
        found.append(layer.last_state(inputs)[0])
    assert found[0].isnan().any()
    assert torch.equal(found[1].isnan(), found[0].isnan())


@every_cell
@pytest.mark.parametrize("scale", [30.0, 100.0, 1e4, 1e20])
def test_saturates_as_the_loop(cell_type, scale):
    layer, inputs, state = problem(cell_type, "dense", 1, 5, 3, 19, torch.float32)
    inputs = inputs * scale
    loop = trained(layer, "loop", inputs, state)
    for name, ours in trained(layer, "numba", inputs, state).items():
        atol = 1e-5 * max(1.0, float(loop[name].abs().max()))
        torch.testing.assert_close(ours, loop[name], rtol=1e-4, atol=atol)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@every_kind
def test_relus_at_0_have_the_gradient_of_the_loop(dtype, kind):
    layer, inputs, _ = problem(RRN, kind, 3, 4, 2, 9, dtype)
    state = tuple(torch.zeros(4, 9, dtype=dtype) for _ in range(2))
    with torch.no_grad():
        layer.weight_hh.zero_()
        layer.weight_ih.zero_()
        # Increments above, at and below 0, and decrements: by these c is above, at or below it.
        layer.bias.copy_(
            torch.tensor([[1.0, 0.0, -1.0] * 3, [1.0] * 3 + [0.0] * 3 + [-1.0] * 3]).flatten()
        )
    loop, numba = trained(layer, "loop", inputs, state), trained(layer, "numba", inputs, state)
    assert (loop["c"] == 0).any() and (loop["c"] > 0).any() and (loop["c"] < 0).any()
    for name, expected in loop.items():
        torch.testing.assert_close(numba[name], expected, rtol=1e-6, atol=1e-6)
        assert torch.equal(numba[name] == 0, expected == 0) or "weight" in name
