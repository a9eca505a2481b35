"""Clipping is torch's to the last bit, and right where torch's overflows."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from lightning_modules.clipping import Clipping

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
SHAPES = [(17, 33), (5,), (), (3, 1, 4), (300,)]
by_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


def parameters_with(gradients):
    """Parameters that have these gradients."""
    parameters = [nn.Parameter(torch.zeros_like(each)) for each in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    return parameters


def drawn(scale, dtype, seed=0):
    """Gradients of many shapes, in [-scale, scale]."""
    generator = torch.Generator().manual_seed(seed)
    uniform = [
        torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1 for shape in SHAPES
    ]
    return [(scale * each).to(dtype) for each in uniform]


def in_double(gradients):
    """All entries in a row, in units of the largest, and the largest."""
    entries = torch.cat([each.flatten() for each in gradients]).double()
    largest = float(entries.abs().max())
    return entries / largest, largest


# As torch


@by_dtype
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit", [0.25, 10.0, 1e4, math.inf])
def test_equals_that_of_torch_where_nothing_overflows(limit, seed, dtype):
    ours, theirs = (parameters_with(drawn(10.0 ** (seed - 2), dtype, seed)) for _ in range(2))
    ours[1].grad = theirs[1].grad = None
    clipping = Clipping()
    clipping(iter(ours), limit)
    assert clipping.norm == float(clip_grad_norm_(theirs, limit))
    assert clipping.state_dict() == {"overflowed": 0, "skipped": 0}
    assert ours[1].grad is None
    for one, other in zip(ours, theirs, strict=True):
        assert one.grad is None or torch.equal(one.grad, other.grad)


@by_dtype
@pytest.mark.parametrize("limit", [1e-7, 1e-6, 1e-5])
def test_equals_that_of_torch_where_its_epsilon_counts(limit, dtype):
    ours, theirs = (parameters_with(drawn(1e-9, dtype)) for _ in range(2))
    Clipping()(ours, limit)
    clip_grad_norm_(theirs, limit)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.grad, other.grad)


@pytest.mark.parametrize("dtypes", [DTYPES, DTYPES[:2]])
@pytest.mark.parametrize("seed", range(20))
def test_gradients_of_several_types_are_clipped_together(seed, dtypes):
    in_turn = zip(*(drawn(3.0, dtype, seed) for dtype in dtypes), strict=True)
    gradients = [each for turn in in_turn for each in turn]
    ours, theirs = parameters_with(gradients), parameters_with(gradients)
    clipping = Clipping()
    clipping(ours, 0.5)
    assert clipping.norm == float(clip_grad_norm_(theirs, 0.5))
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.grad, other.grad)


def test_a_gradient_with_a_graph_of_its_own_is_clipped():
    ours, theirs = (nn.Parameter(torch.full((3,), 2.0)) for _ in range(2))
    for each in (ours, theirs):
        (each.grad,) = torch.autograd.grad(each.pow(3).sum(), each, create_graph=True)
    Clipping()([ours], 0.5)
    clip_grad_norm_([theirs], 0.5)
    assert torch.equal(ours.grad, theirs.grad)


@pytest.mark.parametrize("scale", [1.0, 3e38])
def test_entries_are_clipped_one_by_one(scale):
    ours, theirs = (parameters_with(drawn(scale, torch.float32)) for _ in range(2))
    clipping = Clipping()
    clipping(ours, 0.25, by_value=True)
    clip_grad_value_(theirs, 0.25)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.grad, other.grad)
    assert clipping.overflowed == (scale > 1)


@pytest.mark.parametrize("limit", [None, 0.0])
@pytest.mark.parametrize("scale", [1.0, 3e38])
def test_without_a_limit_gradients_are_only_measured(scale, limit):
    gradients = drawn(scale, torch.float32)
    parameters = parameters_with(gradients)
    clipping = Clipping()
    clipping(parameters, limit)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert torch.equal(parameter.grad, gradient)
    multiples, largest = in_double(gradients)
    assert clipping.norm == pytest.approx(largest * float(multiples.norm()), rel=1e-6)


def test_without_gradients_there_is_nothing_to_do():
    clipping = Clipping()
    clipping([nn.Parameter(torch.zeros(3))], 1.0)
    assert clipping.norm == 0 and clipping.state_dict() == {"overflowed": 0, "skipped": 0}


# Beyond the range of a type

# Of each type, a scale whose squares it lacks, and its largest number.
BEYOND = {
    torch.float64: (1e200, torch.finfo(torch.float64).max),
    torch.float32: (1e21, 3e38, torch.finfo(torch.float32).max),
    torch.bfloat16: (1e21, 3e38),
    torch.float16: (3e4, 65504.0),
}
OVERFLOWS = [(dtype, scale) for dtype, scales in BEYOND.items() for scale in scales]


@pytest.mark.parametrize(("dtype", "scale"), OVERFLOWS)
@pytest.mark.parametrize("limit", [0.25, 10.0])
def test_a_norm_that_overflows_is_clipped_to_the_limit(limit, dtype, scale):
    gradients = drawn(scale, dtype)
    gradients[1][0] = scale
    torch_norm = clip_grad_norm_(parameters_with(gradients), limit)
    assert math.isinf(torch_norm)

    parameters = parameters_with(gradients)
    clipping = Clipping()
    clipping(parameters, limit)

    multiples, largest = in_double(gradients)
    norm = float(multiples.norm())
    rounding = 4 * torch.finfo(dtype).eps
    assert clipping.norm == pytest.approx(largest * norm, rel=rounding)
    assert clipping.state_dict() == {"overflowed": 1, "skipped": 0}
    clipped = torch.cat([each.grad.flatten() for each in parameters]).double()
    assert float(clipped.norm()) == pytest.approx(limit, rel=rounding)
    expected = multiples * (limit / norm)
    smallest = torch.finfo(dtype).smallest_normal
    torch.testing.assert_close(clipped, expected, rtol=rounding, atol=smallest)


def test_the_largest_of_all_parameters_counts():
    """A norm that overflows in one of them only, or in none of them alone."""
    for gradients in ([torch.full((4,), 3e38), torch.ones(3)], [torch.full((), 1.5e19)] * 5):
        parameters = parameters_with(gradients)
        clipping = Clipping()
        clipping(parameters, 2.0)
        total = torch.cat([each.grad.flatten() for each in parameters]).double().norm()
        assert float(total) == pytest.approx(2, rel=1e-6) and clipping.overflowed == 1


@pytest.fixture
def flushed():
    """The smallest numbers are 0, as fast code has them."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor does not flush them")
    yield
    torch.set_flush_denormal(False)


def test_the_reciprocal_of_the_largest_is_not_needed(flushed):
    parameters = parameters_with([torch.full((4,), torch.finfo(torch.float32).max)])
    Clipping()(parameters, 2.0)
    assert parameters[0].grad.tolist() == [1.0] * 4


def test_a_limit_beyond_the_norm_leaves_the_gradients_alone():
    gradients = drawn(1e25, torch.float32)
    parameters = parameters_with(gradients)
    Clipping()(parameters, 1e30)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert torch.equal(parameter.grad, gradient)


# No numbers

OPTIMISERS = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=0.1),
    "RMSprop": lambda parameters: torch.optim.RMSprop(parameters, 0.1, momentum=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters, 0.1, weight_decay=0.1),
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, 0.1, amsgrad=True),
}
HOW = {"norm": (1.0, False), "value": (1.0, True), "not at all": (None, False)}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("entry", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_step_of_what_is_no_number_changes_nothing(name, entry, how):
    parameters = parameters_with(drawn(1.0, torch.float32))
    optimizer, clipping = OPTIMISERS[name](parameters), Clipping()
    clipping(parameters, *HOW[how])
    optimizer.step()
    weights, state = copy.deepcopy(parameters), copy.deepcopy(optimizer.state_dict())

    for parameter, gradient in zip(parameters, drawn(3e38, torch.float32, seed=1), strict=True):
        parameter.grad = gradient
    parameters[3].grad[1, 0, 2] = entry
    clipping(parameters, *HOW[how])
    optimizer.step()

    assert clipping.state_dict() == {"overflowed": 0, "skipped": 1}
    assert not math.isfinite(clipping.norm)
    for parameter, before in zip(parameters, weights, strict=True):
        assert torch.equal(parameter, before)
    torch.testing.assert_close(optimizer.state_dict(), state, rtol=0, atol=0)


def test_mixed_precision_lowers_its_scale_after_a_skipped_step():
    parameters = parameters_with(drawn(1.0, torch.float32))
    weights = copy.deepcopy(parameters)
    parameters[0].grad[2, 3] = math.inf
    optimizer = torch.optim.SGD(parameters, 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    scaler.scale(torch.ones(()))
    scaler.unscale_(optimizer)
    Clipping()(parameters, 1.0)
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 32
    for parameter, before in zip(parameters, weights, strict=True):
        assert torch.equal(parameter, before)


# Counting


def test_counts_go_on_and_those_of_before_are_zero():
    clipping, resumed = Clipping(), Clipping()
    for gradient in (3e38, 1.0, math.nan, math.inf, 3e38, math.nan):
        clipping(parameters_with([torch.full((4,), gradient)]), 1.0)
    assert clipping.state_dict() == {"overflowed": 2, "skipped": 3}
    resumed.load_state_dict(clipping.state_dict())
    resumed(parameters_with([torch.full((4,), math.nan)]), 1.0)
    assert resumed.state_dict() == {"overflowed": 2, "skipped": 4}
    resumed.load_state_dict({})
    assert resumed.state_dict() == {"overflowed": 0, "skipped": 0}
