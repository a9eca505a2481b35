"""Clipped and skipped without reading a number, a gradient does what it does when it is read."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from pytorch_lightning import Trainer
from torch import nn

from datamodules import Palindromes
from lightning_modules import RNN
from lightning_modules.clipping import Clipping
from lightning_modules.undoing import Undoing, is_asynchronous

SHAPES = [(17, 33), (5,), (), (3, 1, 4), (300,)]
# Limit, and whether it is that of each entry.
HOW = {"norm": (1.0, False), "large": (1e30, False), "value": (0.25, True), "not": (None, False)}
by_how = pytest.mark.parametrize("how", HOW)


@pytest.fixture
def forced(monkeypatch):
    """The CPU is treated as a GPU."""
    monkeypatch.setattr("lightning_modules.undoing.is_asynchronous", lambda tensor: True)


def drawn(scale, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    uniform = [
        torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1 for shape in SHAPES
    ]
    return [(scale * each).to(dtype) for each in uniform]


def parameters_with(gradients):
    parameters = [nn.Parameter(torch.ones_like(each)) for each in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    return parameters


def gradients_of(parameters):
    return [parameter.grad for parameter in parameters]


def assert_same(ones, others):
    """To the last bit, where nan is nan."""
    torch.testing.assert_close(ones, others, rtol=0, atol=0, equal_nan=True)


def told(clipping):
    return (clipping.norm, clipping.overflowed, clipping.skipped)


# Clipping

SCALES = {
    torch.float32: (0.0, 1e-42, 1e-3, 1.0, 30.0, 1e18, 1e21, 3e38),
    torch.float64: (1.0, 30.0, 1e200, 1.7e308),
}
GRADIENTS = [(dtype, scale) for dtype, scales in SCALES.items() for scale in scales]


@by_how
@pytest.mark.parametrize(("dtype", "scale"), GRADIENTS)
def test_clips_to_the_same_bits_as_when_it_reads(dtype, scale, how):
    for seed in range(5):
        read, unread = (parameters_with(drawn(scale, seed, dtype)) for _ in range(2))
        reading, not_reading = Clipping(), Clipping()
        reading(read, *HOW[how])
        assert bool(not_reading.unread(unread, *HOW[how]))
        assert_same(gradients_of(unread), gradients_of(read))
        assert told(not_reading) == told(reading)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 3e4])
def test_clips_short_types_as_well(scale, dtype):
    read, unread = (parameters_with(drawn(scale, dtype=dtype)) for _ in range(2))
    reading, not_reading = Clipping(), Clipping()
    reading(read, 1.0)
    not_reading.unread(unread, 1.0)
    assert told(not_reading) == told(reading)
    # Where the norm overflows, what it is multiplied by has the precision of the gradients.
    tolerance = 0.0 if not reading.overflowed else 2 * torch.finfo(dtype).eps
    torch.testing.assert_close(
        gradients_of(unread), gradients_of(read), rtol=tolerance, atol=tolerance
    )


def test_types_are_clipped_together():
    gradients = [*drawn(3.0), *drawn(4.0, dtype=torch.float16)]
    read, unread = parameters_with(gradients), parameters_with(gradients)
    Clipping()(read, 0.5)
    Clipping().unread(unread, 0.5)
    assert_same(gradients_of(unread), gradients_of(read))


def test_infinite_limit():
    for scale in (1.0, 3e38):
        parameters = parameters_with(drawn(scale))
        Clipping().unread(parameters, math.inf)
        assert_same(gradients_of(parameters), drawn(scale))


@by_how
@pytest.mark.parametrize("entry", [math.inf, -math.inf, math.nan])
def test_tells_what_is_not_finite(entry, how):
    for scale in (1.0, 3e38):
        parameters, clipping = parameters_with(drawn(scale)), Clipping()
        parameters[3].grad[1, 0, 2] = entry
        assert not bool(clipping.unread(parameters, *HOW[how]))
        norm, *counts = told(clipping)
        assert not math.isfinite(norm) and counts == [0, 1]


def test_counts_add_up_however_they_are_counted_and_read():
    steps = [3e38, 1.0, math.nan, math.inf, 3e38, 3e38, 1.0, math.nan]
    for reads in (False, True):
        for unread in (range(8), range(3, 8), range(4), (1, 2, 5), ()):
            clipping, expected = Clipping(), Clipping()
            clipping.load_state_dict({"overflowed": 7, "skipped": 2})
            expected.load_state_dict({"overflowed": 7, "skipped": 2})
            for number, gradient in enumerate(steps):
                clip = clipping.unread if number in unread else clipping
                clip(parameters_with([torch.full((4,), gradient)]), 1.0)
                expected(parameters_with([torch.full((4,), gradient)]), 1.0)
                if reads:
                    assert str(told(clipping)) == str(told(expected))
            assert str(told(clipping)) == str(told(expected))
            assert clipping.state_dict() == {"overflowed": 10, "skipped": 5}
            clipping.unread(parameters_with([torch.full((4,), 3e38)]), 1.0)
            clipping.load_state_dict({})
            assert clipping.state_dict() == {"overflowed": 0, "skipped": 0}


# Undoing

OPTIMISERS = {
    "SGD": lambda some: torch.optim.SGD(some, 0.1, weight_decay=0.1),
    "SGD, momentum": lambda some: torch.optim.SGD(some, 0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda some: torch.optim.RMSprop(some, 0.1),
    "RMSprop, all": lambda some: torch.optim.RMSprop(some, 0.1, momentum=0.9, centered=True),
    "Adam": lambda some: torch.optim.Adam(some, 0.1, weight_decay=0.1),
    "AdamW": lambda some: torch.optim.AdamW(some, 0.1, amsgrad=True),
    "Adam, foreach": lambda some: torch.optim.Adam(some, 0.1, foreach=True),
    "Adagrad": lambda some: torch.optim.Adagrad(some, 0.1),
    "Adadelta": lambda some: torch.optim.Adadelta(some, 0.1),
    "NAdam": lambda some: torch.optim.NAdam(some, 0.1),
    "RAdam": lambda some: torch.optim.RAdam(some, 0.1),
    "ASGD": lambda some: torch.optim.ASGD(some, 0.1, t0=2),
    "Rprop": lambda some: torch.optim.Rprop(some, 0.1),
}
# What the gradient of each step has in one place: nothing, or no number.
SPOILT = [None, math.nan, None, math.inf, math.nan, None, None, -math.inf]


def trained(name, spoilt, how="norm", undoing=None):
    """Weights, state and counts after some steps."""
    parameters = parameters_with(drawn(1.0))
    optimizer, clipping = OPTIMISERS[name](parameters), Clipping()
    undone = 0
    for step, entry in enumerate(spoilt):
        for parameter, gradient in zip(parameters, drawn(3.0, step), strict=True):
            parameter.grad = gradient
        if entry is not None:
            parameters[0].grad[2, 3] = entry
        if undoing and undoing.is_possible(optimizer, parameters):
            undoing.keep(optimizer, parameters, clipping.unread(parameters, *HOW[how]))
            undone += 1
        else:
            clipping(parameters, *HOW[how])
        optimizer.step()
        if undoing:
            undoing.undo()
    return parameters, optimizer.state_dict(), clipping.state_dict(), undone


@by_how
@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_step_that_is_undone_is_one_that_was_skipped(name, how, forced):
    expected = trained(name, SPOILT, how)
    *found, undone = trained(name, SPOILT, how, Undoing())
    for one, other in zip(found, expected, strict=False):
        assert_same(one, other)
    # All but the first.
    assert undone == len(SPOILT) - 1


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_state_is_made_before_a_step_is_undone(name, forced):
    """However many of the first ones were skipped."""
    spoilt = [math.nan, math.inf, None, math.nan, None]
    *expected, _ = trained(name, spoilt)
    *found, undone = trained(name, spoilt, undoing=Undoing())
    assert_same(found, expected)
    assert undone == 2


def test_a_gradient_more_or_less_is_another_first_step(forced):
    parameters = parameters_with(drawn(1.0))
    optimizer, undoing, possible = torch.optim.Adam(parameters, 0.1), Undoing(), []
    for gone in (4, 4, None, None, 0, 0):
        for number, parameter in enumerate(parameters):
            parameter.grad = None if number == gone else torch.ones_like(parameter)
        some = [each for each in parameters if each.grad is not None]
        possible.append(undoing.is_possible(optimizer, some))
        optimizer.step()
        undoing.undo()
    assert possible == [False, True] * 3


def test_what_has_state_of_other_kinds_is_not_undone(forced):
    parameters = parameters_with(drawn(1.0))
    optimizer, undoing = torch.optim.LBFGS(parameters), Undoing()
    possible = []

    def closure():
        possible.append(undoing.is_possible(optimizer, parameters))
        for parameter in parameters:
            parameter.grad = parameter.detach().clone()
        return sum(parameter.pow(2).sum() for parameter in parameters) / 2

    for _ in range(3):
        optimizer.step(closure)
        undoing.undo()
    assert len(possible) > 3 and not any(possible)


def test_copies_are_made_once(forced, monkeypatch):
    made = []
    empty_like = torch.empty_like
    monkeypatch.setattr(torch, "empty_like", lambda each: made.append(1) or empty_like(each))
    trained("RMSprop", SPOILT, undoing=Undoing())
    # Of the weights, the means of the squares, and, where it is on the device, the count.
    assert len(made) == 3 * len(SHAPES)


def test_a_step_is_undone_once(forced):
    parameters = parameters_with(drawn(1.0))
    optimizer, clipping, undoing = torch.optim.SGD(parameters, 0.1), Clipping(), Undoing()
    for entry in (1.0, math.nan):
        parameters[0].grad[2, 3] = entry
        if undoing.is_possible(optimizer, parameters):
            undoing.keep(optimizer, parameters, clipping.unread(parameters, 1.0))
        optimizer.step()
        before = copy.deepcopy(parameters)
        undoing.undo()
    assert before[0].isnan().any() and not parameters[0].isnan().any()
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    parameters[4].grad = None
    assert not undoing.is_possible(optimizer, parameters[:4])
    optimizer.step()
    after = copy.deepcopy(parameters)
    undoing.undo()
    assert_same(parameters, after)


def test_a_step_that_fails_is_not_undone_after_another(forced):
    parameters = parameters_with(drawn(1.0))
    optimizer, clipping, undoing = torch.optim.SGD(parameters, 0.1), Clipping(), Undoing()
    assert not undoing.is_possible(optimizer, parameters)
    optimizer.step()
    undoing.undo()
    assert undoing.is_possible(optimizer, parameters)
    undoing.keep(optimizer, parameters, torch.tensor(False))
    # Here the optimiser fails. In the next step there are fewer gradients, which are read.
    parameters[4].grad = None
    assert not undoing.is_possible(optimizer, parameters[:4])
    clipping(parameters[:4], 1.0)
    optimizer.step()
    after = copy.deepcopy(parameters)
    undoing.undo()
    assert_same(parameters, after)


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*LeafSpec")
def test_another_fit_of_a_model_has_a_first_step_of_its_own(forced):
    """Its optimiser is a new one, whose state is made in a step that cannot be undone."""
    model = RNN(hidden_size=3)
    for _ in range(2):
        trainer = Trainer(
            accelerator="cpu",
            max_steps=3,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

        def spoil(gradient, trainer=trainer):
            return gradient * (1.0 if trainer.global_step else math.nan)

        handle = model.readout.bias.register_hook(spoil)
        trainer.fit(model, Palindromes(length=3, evaluation_size=16))
        handle.remove()
    assert model.clipping.skipped == 2
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_on_a_cpu_numbers_are_read():
    assert not is_asynchronous(torch.zeros(()))
    assert trained("RMSprop", SPOILT, undoing=Undoing())[3] == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", ["SGD, momentum", "RMSprop", "Adam"])
def test_a_gpu_is_not_waited_for(name):
    *_, expected = [trained(name, [None, None, math.nan, None])]
    parameters = [nn.Parameter(each.cuda()) for each in parameters_with(drawn(1.0))]
    optimizer, clipping, undoing = OPTIMISERS[name](parameters), Clipping(), Undoing()
    for step, entry in enumerate([None, None, math.nan, None]):
        for parameter, gradient in zip(parameters, drawn(3.0, step), strict=True):
            parameter.grad = gradient.cuda()
        if entry is not None:
            parameters[0].grad[2, 3] = entry
        torch.cuda.set_sync_debug_mode("error" if step else "default")
        try:
            if undoing.is_possible(optimizer, parameters):
                undoing.keep(optimizer, parameters, clipping.unread(parameters, 1.0))
            else:
                clipping(parameters, 1.0)
            optimizer.step()
            undoing.undo()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert clipping.state_dict() == expected[2]
    if name == "Adam":
        # It counts on the host, where nobody knows that a step was undone.
        assert {float(state["step"]) for state in optimizer.state.values()} == {4.0}
    else:
        for parameter, other in zip(parameters, expected[0], strict=True):
            torch.testing.assert_close(parameter.cpu(), other)
