"""What is changed between the way there and the way back is told of, or makes no difference."""

import pytest
import torch

from tests.layers.backends.problems import (
    every_cell,
    every_kind,
    outputs_of,
    problem,
    trained,
    weighed,
)

COMPLAINT = "modified by an inplace operation"


def walked(layer, inputs, state):
    layer.backend = "numba"
    hidden, last = layer(inputs, state)
    return hidden, weighed({"hidden": hidden, **dict(zip("hc", last, strict=False))})


@every_cell
@every_kind
@pytest.mark.parametrize("changed", ["inputs", "weight_ih", "weight_hh", "bias", "hidden", "state"])
def test_no_change_goes_unseen(cell_type, kind, changed):
    layer, inputs, state = problem(cell_type, kind, T=4, B=3, D=2, H=5)
    parameters = list(layer.parameters())
    expected = torch.autograd.grad(walked(layer, inputs, state)[1], parameters)

    hidden, loss = walked(layer, inputs, state)
    with torch.no_grad():
        target = {"inputs": inputs, "hidden": hidden, "state": state[-1]}.get(changed)
        (getattr(layer, changed) if target is None else target).zero_()
    # What the way back reads as it is: all else it has copies of.
    read = {"weight_hh", "hidden"} | ({"inputs"} if kind == "dense" else set())
    if changed in read:
        with pytest.raises(RuntimeError, match=COMPLAINT):
            torch.autograd.grad(loss, parameters)
        return
    try:
        found = torch.autograd.grad(loss, parameters, retain_graph=True)
        again = torch.autograd.grad(loss, parameters)
    except RuntimeError as error:
        assert COMPLAINT in str(error)
        return
    for one, two, other in zip(found, again, expected, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(two, other)


@every_cell
def test_the_last_state_alone_may_be_changed(cell_type):
    layer, inputs, state = problem(cell_type, "dense", T=4, B=3, D=2, H=5)
    layer.backend = "numba"
    expected = torch.autograd.grad(layer.last_state(inputs, state)[-1].sum(), layer.weight_hh)
    last = layer.last_state(inputs, state)
    loss = last[-1].sum()
    with torch.no_grad():
        for each in last:
            each.zero_()
    assert torch.equal(torch.autograd.grad(loss, layer.weight_hh)[0], expected[0])


@every_cell
@pytest.mark.parametrize("all_steps", [True, False])
@pytest.mark.parametrize("grad", [True, False])
def test_what_was_given_out_does_not_change_later(cell_type, all_steps, grad):
    layer, inputs, state = problem(cell_type, "dense", T=4, B=3, D=2, H=5)
    # The same shape again each time, which is walked in the same workspace.
    with torch.set_grad_enabled(grad):
        given = outputs_of(layer, inputs, state, all_steps)
        given = {name: each.detach() for name, each in given.items()}
        before = {name: each.clone() for name, each in given.items()}
        outputs_of(layer, -inputs, state, all_steps)
    for name, copy in before.items():
        assert torch.equal(given[name], copy)


@every_cell
def test_gradients_that_were_given_out_do_not_change_later(cell_type):
    layer, inputs, state = problem(cell_type, "dense", T=4, B=3, D=2, H=5)
    given = trained(layer, "numba", inputs, state)
    before = {name: each.clone() for name, each in given.items()}
    trained(layer, "numba", -inputs, state)
    for name, copy in before.items():
        assert torch.equal(given[name], copy), name


@every_cell
@pytest.mark.parametrize("grad", [True, False])
def test_the_last_state_is_none_of_the_hidden_states(cell_type, grad):
    layer, inputs, state = problem(cell_type, "dense", T=4, B=3, D=2, H=5)
    with torch.set_grad_enabled(grad):
        hidden, last = layer(inputs, state)
        before = hidden.detach().clone()
        last[0].mul_(0.5)
    assert torch.equal(hidden, before)
