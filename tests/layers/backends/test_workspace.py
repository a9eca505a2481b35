"""What memory is held between walks, and who may use it."""

import gc
import math

import numpy as np
import pytest
import torch

from layers import LSTM
from layers.backends import compiled_walk, workspace
from tests.layers.backends.problems import every_cell, every_kind, outputs_of, problem, trained

# What lies beside memory, by the kind of its numbers.
WALL = {"f": np.nan, "u": 255}


@pytest.fixture(autouse=True)
def none_before():
    """No workspace that another test has left."""
    workspace._free.clear()


def held():
    """All workspaces that there are, free or lent."""
    return [each for each in gc.get_objects() if type(each) is workspace.Workspace]


@every_cell
@every_kind
def test_a_step_leaves_one_workspace_to_the_next(cell_type, kind):
    layer, inputs, state = problem(cell_type, kind, 5, 3, 2, 4)
    seen = set()
    for _ in range(3):
        hidden = layer(inputs, state)[0]
        (space,) = held()
        hidden.sum().backward()
        del hidden
        assert workspace._free[space.shape] == [space]
        seen.add(id(space))
        del space
    assert len(seen) == 1


@every_cell
@every_kind
def test_a_walk_stays_within_its_memory(cell_type, kind, monkeypatch):
    """What lies beside it is neither changed nor read."""
    around, made = 64, []

    def between_walls(shape, dtype):
        number = torch.empty(0, dtype=dtype).numpy().dtype
        memory = np.full(math.prod(shape) + 2 * around, WALL[number.kind], number)
        made.append(memory)
        return memory[around:-around].reshape(shape)

    monkeypatch.setattr(workspace, "_empty", between_walls)
    layer, inputs, state = problem(cell_type, kind, 5, 3, 2, 4)
    for first in (state, None):
        for all_steps in (True, False):
            found, expected = (
                trained(layer, backend, inputs, first, all_steps) for backend in ("numba", "loop")
            )
            for name in expected:
                torch.testing.assert_close(found[name], expected[name])
            with torch.no_grad():
                layer.backend = "numba"
                outputs_of(layer, inputs, first, all_steps)
    assert made
    for memory in made:
        walls = np.concatenate((memory[:around], memory[-around:]))
        np.testing.assert_array_equal(walls, np.full_like(walls, WALL[walls.dtype.kind]))


@every_cell
def test_many_lengths_do_not_pile_up(cell_type):
    layer, inputs, state = problem(cell_type, "dense", 50, 3, 2, 4)
    for T in range(1, 51):
        trained(layer, "numba", inputs[:T], state)
        with torch.no_grad():
            layer.last_state(inputs[:T], state)
        if T % 10 == 0:
            assert len(held()) == 1
    assert sum(map(len, workspace._free.values())) == 1


def test_open_walks_have_one_each():
    layer, inputs, state = problem(LSTM, "dense", 5, 3, 2, 4)
    walks = [layer(inputs, state)[0] for _ in range(3)]
    assert len(held()) == 3
    walks.clear()
    assert len(held()) == 3
    layer(inputs[:2], state)
    assert len(held()) == 1


@every_cell
def test_layers_that_take_turns_make_none_anew(cell_type):
    """As a stack of them does, the first of which reads other inputs, and the last gives less."""
    reads, inputs, _ = problem(cell_type, "places", 5, 3, 2, 4)
    above, others, _ = problem(cell_type, "dense", 5, 3, 4, 4)

    def walk():
        with torch.no_grad():
            reads(inputs)
            above(others)
            above.last_state(others)

    walk()
    before = {id(each) for each in held()}
    walk()
    assert {id(each) for each in held()} == before and len(before) == 3


def test_a_walk_that_fails_gives_its_workspace_back(monkeypatch):
    def fail():
        raise MemoryError

    layer, inputs, state = problem(LSTM, "dense", 5, 3, 2, 4)
    monkeypatch.setattr(compiled_walk, "flushed", fail)
    with pytest.raises(MemoryError):
        layer(inputs, state)
    # With the traceback, which leads to it.
    gc.collect()
    assert sum(map(len, workspace._free.values())) == len(held()) == 1


def test_without_a_way_back_the_length_costs_nothing():
    layer, inputs, state = problem(LSTM, "dense", 400, 3, 2, 4)
    with torch.no_grad():
        layer.last_state(inputs, state)
    (space,) = held()
    assert max(each.size for each in space.space) <= 32 * 3 * 4


@every_cell
def test_it_may_be_made_in_inference_mode(cell_type):
    layer, inputs, state = problem(cell_type, "dense", 5, 3, 2, 4)
    with torch.inference_mode():
        expected = layer.last_state(inputs, state)
    with torch.no_grad():
        found = layer.last_state(inputs, state)
    assert len(held()) == 1
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@every_cell
@every_kind
def test_it_is_on_the_cpu_whatever_the_default(cell_type, kind):
    layer, inputs, state = problem(cell_type, kind, 5, 3, 2, 4)
    with torch.device("meta"):
        hidden, _ = layer(inputs, state)
    assert torch.equal(hidden, layer(inputs, state)[0])
