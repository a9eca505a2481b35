"""Which way a layer goes through time."""

import copy
import io
import pickle
import sys

import pytest
import torch

from layers import LSTM, RNN, Recurrent
from layers.backends import choice, through_numba
from layers.backends.choice import fastest
from tests.layers.backends.problems import CELLS, KINDS, every_cell, problem


@pytest.fixture
def ways(monkeypatch):
    """The ways that walks have gone."""
    taken = []
    run, loop = through_numba.run, Recurrent.loop

    def noted_run(*arguments):
        taken.append("numba")
        return run(*arguments)

    def noted_loop(*arguments, **named):
        taken.append("loop")
        return loop(*arguments, **named)

    monkeypatch.setattr(through_numba, "run", noted_run)
    monkeypatch.setattr(Recurrent, "loop", noted_loop)
    return taken


@every_cell
def test_auto_is_compiled_on_a_cpu(cell_type, ways):
    for kind in KINDS:
        for dtype in (torch.float32, torch.float64):
            layer, inputs, state = problem(cell_type, kind, 3, 2, 2, 4, dtype)
            assert layer.backend == "auto"
            layer(inputs, state)
            layer.last_state(inputs, state)
    assert set(ways) == {"numba"} and len(ways) == 12


@every_cell
def test_the_loop_is_taken_where_it_is_asked_for(cell_type, ways):
    layer = cell_type(2, 4, backend="loop")
    layer(torch.zeros(3, 2, 2))
    layer.last_state(torch.zeros(3, 2, 2))
    assert ways == ["loop"] * 2


@every_cell
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(cell_type, dtype, ways):
    layer = cell_type(2, 4).to(dtype)
    hidden, _ = layer(torch.zeros(3, 2, 2, dtype=dtype))
    assert hidden.dtype == dtype and ways == ["loop"]
    layer.backend = "numba"
    name = str(dtype).removeprefix("torch.")
    complaint = f"^backend numba cannot be used: it knows float32 and float64, not {name}$"
    with pytest.raises(ValueError, match=complaint):
        layer(torch.zeros(3, 2, 2, dtype=dtype))


@every_cell
def test_autocast(cell_type, ways):
    layer = cell_type(2, 4)
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.zeros(3, 2, 2))
        layer.backend = "numba"
        with pytest.raises(
            ValueError, match="^backend numba cannot be used: it knows no autocast$"
        ):
            layer(torch.zeros(3, 2, 2))
    layer(torch.zeros(3, 2, 2))
    assert ways == ["loop", "numba"]


@every_cell
def test_a_device_without_memory(cell_type, ways):
    layer = cell_type(2, 4).to("meta")
    assert layer(torch.zeros(3, 2, 2, device="meta"))[0].shape == (3, 2, 4)
    assert ways == ["loop"]
    layer.backend = "numba"
    with pytest.raises(ValueError, match="it is for the CPU, and the layer is on meta$"):
        layer(torch.zeros(3, 2, 2, device="meta"))


@every_cell
def test_other_equations_are_not_taken_for_those_of_the_parent(cell_type, ways):
    class Still(cell_type):
        def advance(self, from_inputs, state):
            return state[0], state

    start = tuple(torch.ones_like(zeros) for zeros in Still(2, 4).initial_state(2))
    layer = Still(2, 4)
    _, last = layer(torch.zeros(3, 2, 2), start)
    assert ways == ["loop"]
    torch.testing.assert_close(last, start)
    layer.backend = "numba"
    with pytest.raises(ValueError, match="there are no kernels for Still$"):
        layer(torch.zeros(3, 2, 2))


@every_cell
def test_unknown_backends_are_named(cell_type):
    complaint = "^unknown backend quick; there are auto, loop, numba, torch, triton$"
    with pytest.raises(ValueError, match=complaint):
        cell_type(2, 4, backend="quick")


@every_cell
def test_the_layer_stays_what_it_was(cell_type):
    """Copied, pickled, or its weights alone stored, before a walk or after."""
    layer, inputs, state = problem(cell_type, "dense", 3, 2, 2, 4)
    names = {"weight_ih", "weight_hh", "bias"} | (
        {"bias_hn"} & dict(layer.named_parameters()).keys()
    )
    assert layer.state_dict().keys() == names
    hidden, _ = layer(inputs, state)
    assert layer.state_dict().keys() == names
    stored = io.BytesIO()
    torch.save(layer, stored)
    stored.seek(0)
    loaded = torch.load(stored, weights_only=False)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), loaded):
        assert torch.equal(again(inputs, state)[0], hidden)
        assert fastest(again) == "numba"


@every_cell
@pytest.mark.parametrize("backend", ["numba", "loop"])
@pytest.mark.parametrize("place", [4, -1, 2**40])
@pytest.mark.parametrize("grad", [True, False])
def test_places_out_of_range(cell_type, backend, place, grad):
    layer = cell_type(4, 5, backend=backend)
    places = torch.randint(4, (6, 3))
    places[2, 1] = place
    with torch.set_grad_enabled(grad):
        for walk in (layer, layer.last_state):
            with pytest.raises(IndexError):
                walk(places)


@pytest.mark.parametrize("backend", ["numba", "loop"])
@pytest.mark.parametrize("cell_type", [RNN, LSTM])
@pytest.mark.parametrize("D", [1, 3])
def test_inputs_of_another_type_are_refused(cell_type, backend, D):
    with pytest.raises(RuntimeError, match="dtype"):
        cell_type(D, 5, backend=backend)(torch.zeros(3, 2, D, dtype=torch.float64))


@pytest.mark.parametrize("kind", [ImportError, ValueError])
def test_a_library_that_is_missing_is_done_without(kind, monkeypatch):
    """Or one that ends by what the environment tells it, as numba by 0 threads."""

    def fail(name):
        raise kind(f"there is no {name}")

    monkeypatch.setattr(choice, "import_module", fail)
    monkeypatch.setattr(choice, "_backend", choice._backend.__wrapped__)
    layer, inputs, state = problem(LSTM, "dense", 3, 2, 2, 4)
    assert fastest(layer) == "loop"
    layer(inputs, state)
    layer.backend = "numba"
    with pytest.raises(ValueError, match="backend numba cannot be used: there is no"):
        layer(inputs, state)


def test_where_torch_hides_its_products_the_loop_serves(monkeypatch):
    monkeypatch.setattr(through_numba, "IS_THERE", False)
    layer, inputs, state = problem(LSTM, "dense", 3, 2, 2, 4)
    assert fastest(layer) == "loop"
    layer(inputs, state)
    layer.backend = "numba"
    with pytest.raises(ValueError, match="backend numba cannot be used: torch hides"):
        layer(inputs, state)


PARAMETERS = [(cell, name) for cell in CELLS for name, _ in cell(1, 1).named_parameters()]
WRONG = {
    "too many": lambda right: torch.cat((right, right)),
    "too few": lambda right: right[:1],
    "another type": torch.Tensor.float,
}


@pytest.mark.parametrize(("cell_type", "name"), PARAMETERS)
@pytest.mark.parametrize("kind", ["dense", "places"])
@pytest.mark.parametrize("wrong", WRONG)
def test_parameters_that_are_not_those_of_the_layer_are_refused(cell_type, kind, name, wrong):
    layer, inputs, _ = problem(cell_type, kind, 3, 2, 3, 4)
    right = getattr(layer, name).detach()
    setattr(layer, name, torch.nn.Parameter(WRONG[wrong](right)))
    layer.backend = "numba"
    with pytest.raises(
        (RuntimeError, ValueError), match=name if name != "weight_hh" else "must be"
    ):
        layer(inputs)


@every_cell
def test_forward_derivatives_are_refused(cell_type):
    layer, inputs, _ = problem(cell_type, "dense", 3, 2, 3, 4)
    layer.requires_grad_(False)
    layer.backend = "numba"
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(inputs.detach(), torch.ones_like(inputs))
        with torch.no_grad(), pytest.raises(ValueError, match="forward-mode differentiation"):
            layer(dual)
        layer(inputs)


def test_the_loop_serves_where_numba_compiles_nothing(monkeypatch):
    monkeypatch.setattr("numba.config.DISABLE_JIT", 1)
    # As in a new process.
    monkeypatch.setattr(choice, "_backend", choice._backend.__wrapped__)
    for name in ("through_numba", "cells", "kernels", "compiled_walk", "walking", "compilation"):
        monkeypatch.delitem(sys.modules, f"layers.backends.{name}")
    layer = RNN(2, 4)
    assert fastest(layer) == "loop"
    layer(torch.zeros(3, 2, 2))
    layer.backend = "numba"
    says = "backend numba cannot be used: numba's compiler is switched off.*NUMBA_DISABLE_JIT"
    with pytest.raises(ValueError, match=says):
        layer(torch.zeros(3, 2, 2))
