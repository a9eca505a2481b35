"""Several walks in one graph, several graphs, and ways back that are gone twice or never."""

import numpy as np
import pytest
import torch

from layers.backends import workspace
from tests.layers.backends.problems import (
    every_cell,
    every_kind,
    outputs_of,
    problem,
    trained,
    weighed,
)


def loss_of(layer, inputs, state, backend="numba"):
    layer.backend = backend
    return weighed(outputs_of(layer, inputs, state, all_steps=True))


def gradients(loss, layer, **options):
    return torch.autograd.grad(loss, list(layer.parameters()), **options)


def assert_same_bits(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)


@every_cell
def test_a_layer_twice_in_one_graph(cell_type):
    layer, inputs, state = problem(cell_type, "dense", T=5, B=3, D=4, H=4)
    found = []
    for backend in ("numba", "loop"):
        layer.backend = backend
        below, between = layer(inputs, state)
        above, last = layer(below, between)
        loss = below.square().sum() + (above * inputs).sum() + sum(each.sum() for each in last)
        found.append(gradients(loss, layer))
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


@every_cell
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_graphs_of_one_shape_open_at_once(cell_type, order):
    layer, inputs, state = problem(cell_type, "dense", T=5, B=3, D=2, H=4)
    problems = [(inputs, state), (inputs.flip(0), tuple(-each for each in state))]
    alone = [gradients(loss_of(layer, *each), layer) for each in problems]
    losses = [loss_of(layer, *each) for each in problems]
    for k in order:
        assert_same_bits(gradients(losses[k], layer), alone[k])


@every_cell
@every_kind
def test_the_way_back_may_be_gone_again(cell_type, kind):
    layer, inputs, state = problem(cell_type, kind, T=5, B=3, D=2, H=4)
    hidden, _ = layer(inputs, state)
    loss, before = hidden.square().sum(), hidden.detach().clone()
    first = gradients(loss, layer, retain_graph=True)
    for _ in range(2):
        # A walk of the same shape in between has a workspace of its own.
        gradients(loss_of(layer, inputs, None), layer)
        assert_same_bits(gradients(loss, layer, retain_graph=True), first)
    assert torch.equal(hidden, before)


@every_cell
def test_a_graph_that_is_not_kept_goes_back_once(cell_type):
    layer, inputs, state = problem(cell_type, "dense", T=5, B=3, D=2, H=4)
    loss = loss_of(layer, inputs, state)
    gradients(loss, layer)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        gradients(loss, layer)


@every_cell
def test_a_graph_that_is_dropped_disturbs_none(cell_type):
    layer, inputs, state = problem(cell_type, "dense", T=5, B=3, D=2, H=4)
    alone = gradients(loss_of(layer, inputs, state), layer)
    kept = loss_of(layer, inputs, state)
    dropped = loss_of(layer, -inputs, state)
    del dropped
    again = loss_of(layer, -inputs, state)
    assert_same_bits(gradients(kept, layer), alone)
    del again


@every_cell
def test_errors_in_between_disturb_none(cell_type):
    layer, inputs, state = problem(cell_type, "dense", T=5, B=3, D=2, H=4)
    alone = gradients(loss_of(layer, inputs, state), layer)
    kept = loss_of(layer, inputs, state)
    with pytest.raises(RuntimeError, match="dtype"):
        layer(inputs.float(), state)

    def stop(gradient):
        raise ZeroDivisionError

    hidden, _ = layer(inputs, state)
    hidden.register_hook(stop)
    with pytest.raises(ZeroDivisionError):
        hidden.sum().backward()
    del hidden
    assert_same_bits(gradients(kept, layer), alone)
    assert_same_bits(gradients(loss_of(layer, inputs, state), layer), alone)


@every_cell
@every_kind
def test_nothing_is_read_that_the_last_walk_left(cell_type, kind):
    layer, inputs, state = problem(cell_type, kind, T=5, B=3, D=2, H=4)
    for all_steps in (True, False):
        first = trained(layer, "numba", inputs, state, all_steps)
        for left in (each for spaces in workspace._free.values() for each in spaces):
            for array in (*left.space, *(each.numpy() for each in left.d_carried)):
                array.fill(255 if array.dtype == np.uint8 else np.nan)
        again = trained(layer, "numba", inputs, state, all_steps)
        assert_same_bits(again.values(), first.values())


@every_cell
@pytest.mark.parametrize("constant", [True, False])
def test_second_derivatives_are_refused(cell_type, constant):
    """Also where the gradient that comes in is a constant, as that of a sum."""
    layer, inputs, state = problem(cell_type, "dense", T=3, B=2, D=2, H=4)
    layer.backend = "numba"
    inputs.requires_grad_()
    hidden, _ = layer(inputs, state)
    loss = hidden.sum() if constant else hidden.square().sum()
    with pytest.raises(RuntimeError, match="^backend numba has no second derivatives"):
        torch.autograd.grad(loss, inputs, create_graph=True)


@every_cell
def test_a_checkpointed_walk_has_the_same_gradients(cell_type):
    layer, inputs, state = problem(cell_type, "dense", T=5, B=3, D=2, H=4)
    alone = gradients(loss_of(layer, inputs, state), layer)
    loss = torch.utils.checkpoint.checkpoint(loss_of, layer, inputs, state, use_reentrant=False)
    assert_same_bits(gradients(loss, layer), alone)
