"""Under what torch does with operations besides carrying them out, `auto` walks by the plain loop.

The references are torch.nn's layers, under the same transforms; for the RRN the loop itself.
"""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor, func, nn
from torch.autograd import forward_ad, functional
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

from layers import GRU, LSTM, RNN, RRN, CharacterNetwork
from layers.backends import transforms
from layers.backends.choice import fastest
from tests.layers.backends.problems import every_cell, problem

T, B, D, H = 3, 2, 2, 3
TWINS = {RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}


def given_to(cell_type):
    """A layer, and what its function takes: inputs and parameters, none of which wants anything."""
    layer, inputs, _ = problem(cell_type, "dense", T, B, D, H)
    return layer, (inputs, *(each.detach() for each in layer.parameters()))


def function_of(layer):
    """Inputs (T, B, D) and parameters to the hidden states of all steps (T, B, H)."""
    names = [name for name, _ in layer.named_parameters()]

    def ours(inputs, *parameters):
        named = dict(zip(names, parameters, strict=True))
        return func.functional_call(layer, named, (inputs,))[0]

    return ours


def reference_of(layer):
    """The same by torch.nn, or by the loop."""
    if type(layer) not in TWINS:
        return function_of(loop_of(layer))
    twin = TWINS[type(layer)](layer.input_size, layer.hidden_size).double()

    def theirs(inputs, weight_ih, weight_hh, bias, *rest):
        recurrent_bias = torch.zeros_like(bias)
        for bias_hn in rest:
            recurrent_bias = torch.cat((recurrent_bias[: -len(bias_hn)], bias_hn))
        named = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias}
        named = {f"{name}_l0": each for name, each in named.items()}
        return func.functional_call(twin, named | {"bias_hh_l0": recurrent_bias}, (inputs,))[0]

    return theirs


def loop_of(layer):
    other = type(layer)(layer.input_size, layer.hidden_size, backend="loop").double()
    other.load_state_dict(layer.state_dict())
    return other


def loss(hidden):
    def number(*given):
        found = hidden(*given)
        weights = torch.linspace(-1, 2, found.numel(), dtype=found.dtype)
        return (found**2 * weights.view(found.shape)).sum()

    return number


def everything(given):
    return tuple(range(len(given)))


def leaves(given):
    return tuple(each.clone().requires_grad_() for each in given)


def of_something_else(hidden, given):
    """None of what the layer takes is transformed."""
    return func.grad(lambda number: (number * hidden(*given)).sum())(torch.ones(()).double())


def one_by_one(function, dims):
    """What torch.func.vmap is to do; torch.nn's layers have no rules for it."""

    def every(*given):
        count = next(x.shape[d] for x, d in zip(given, dims, strict=True) if d is not None)
        found = [
            function(
                *(x if d is None else x.select(d, k) for x, d in zip(given, dims, strict=True))
            )
            for k in range(count)
        ]
        if isinstance(found[0], Tensor):
            return torch.stack(found)
        return tuple(map(torch.stack, zip(*found, strict=True)))

    return every


def vmap_of(hidden):
    return func.vmap if hidden.__name__ == "ours" else one_by_one


def of_each_example(hidden, given):
    inputs, *parameters = given

    def of_one(example, *parameters):
        return loss(hidden)(example.unsqueeze(1), *parameters)

    every = func.grad(of_one, everything(given))
    return vmap_of(hidden)(every, (1, *(None for _ in parameters)))(inputs, *parameters)


def of_an_ensemble(hidden, given):
    inputs, *parameters = given
    stacked = [torch.stack((each, -each, each / 2)) for each in parameters]
    return vmap_of(hidden)(hidden, (None, *(0 for _ in parameters)))(inputs, *stacked)


def of_the_batch(hidden, given):
    inputs, *parameters = given

    def of_one(example):
        return hidden(example.unsqueeze(1), *parameters)

    return vmap_of(hidden)(of_one, (1,))(inputs)


def of_a_batch_of_gradients(hidden, given, create_graph=False):
    taken = leaves(given)
    found = hidden(*taken)
    weights = torch.randn(4, *found.shape, dtype=found.dtype)
    return torch.autograd.grad(
        found, taken, weights, is_grads_batched=True, create_graph=create_graph
    )


def of_gradients(hidden, given):
    taken = leaves(given)
    gradients = torch.autograd.grad(loss(hidden)(*taken), taken, create_graph=True)
    return torch.autograd.grad(sum((each**2).sum() for each in gradients), taken)


def third(hidden, given):
    taken = leaves(given)
    total = loss(hidden)(*taken)
    for _ in range(2):
        gradients = torch.autograd.grad(total, taken, create_graph=True)
        total = sum((each**2).sum() for each in gradients)
    return torch.autograd.grad(total, taken)


def forwards(hidden, given):
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(each, torch.ones_like(each)) for each in given]
        return forward_ad.unpack_dual(hidden(*duals)).tangent


def of_noted_operations(hidden, given):
    noted = make_fx(lambda *given: hidden(*given))(*given)
    # Not those that it was noted from: numbers that do not come from operations would stay.
    return noted(*(each / 2 for each in given))


def ones_like(given):
    return tuple(torch.ones_like(each) for each in given)


TRANSFORMS = {
    "grad": lambda f, given: func.grad(loss(f), everything(given))(*given),
    "grad of something else": of_something_else,
    "vmap": of_the_batch,
    "of each example": of_each_example,
    "of an ensemble": of_an_ensemble,
    "jvp": lambda f, given: func.jvp(f, given, ones_like(given)),
    "vjp": lambda f, given: func.vjp(f, *given)[1](torch.ones(T, B, H).double()),
    "jacrev": lambda f, given: func.jacrev(f, everything(given))(*given),
    "jacfwd": lambda f, given: func.jacfwd(f, everything(given))(*given),
    "hessian": lambda f, given: func.hessian(loss(f), (0, 2))(*given),
    "functional.jacobian": lambda f, given: functional.jacobian(f, given, vectorize=True),
    "functional.hessian": lambda f, given: functional.hessian(loss(f), given),
    "functional.hessian, batched": lambda f, given: functional.hessian(loss(f), given, False, True),
    "functional.hvp": lambda f, given: functional.hvp(loss(f), given, ones_like(given)),
    "functional.jvp": lambda f, given: functional.jvp(f, given, ones_like(given)),
    "a batch of gradients": of_a_batch_of_gradients,
    "gradients of gradients": of_gradients,
    "third derivatives": third,
    "forward mode": forwards,
    "make_fx": of_noted_operations,
}  # fmt: skip


@every_cell
@pytest.mark.parametrize("name", TRANSFORMS)
def test_equals_torch_and_who_asks_for_compiled_code_is_told(cell_type, name):
    layer, given = given_to(cell_type)
    outcomes = []
    for hidden in (function_of(layer), reference_of(layer)):
        torch.manual_seed(1)
        outcomes.append(TRANSFORMS[name](hidden, given))
    torch.testing.assert_close(*outcomes)
    # Nothing stays behind.
    assert fastest(layer, given[:1]) == "numba"
    layer.backend = "numba"
    with pytest.raises((ValueError, RuntimeError), match=r"^backend numba .*has no .*; loop has$"):
        TRANSFORMS[name](function_of(layer), given)


@every_cell
@pytest.mark.parametrize("kind", ["dense", "number", "places"])
@pytest.mark.parametrize("all_steps", [True, False])
def test_second_derivatives_of_all_kinds_of_walks(cell_type, kind, all_steps):
    """Also where inputs, state and parameters are made of each other."""
    layer, inputs, state = problem(cell_type, kind, T, B, D, H)
    outcomes = []
    for each in (layer, loop_of(layer)):
        first = tuple(each.weight_hh[:B] * tensor for tensor in state)
        x = inputs if kind == "places" else inputs * each.bias[0]
        x = x.detach() if kind == "number" else x
        outputs = (
            (each(x, first)[0], *each(x, first)[1]) if all_steps else each.last_state(x, first)
        )
        # Not all of them are read.
        parameters = tuple(each.parameters())
        gradients = torch.autograd.grad((outputs[-1] ** 2).sum(), parameters, create_graph=True)
        total = sum((gradient**2).sum() for gradient in gradients)
        outcomes.append((gradients, torch.autograd.grad(total, parameters)))
    torch.testing.assert_close(*outcomes)


@pytest.mark.parametrize("cell_type", [RNN, LSTM, GRU])
def test_gradients_of_gradients_by_finite_differences(cell_type):
    layer, given = given_to(cell_type)
    check = {"fast_mode": True}
    assert torch.autograd.gradgradcheck(function_of(layer), leaves(given), **check)
    assert torch.autograd.gradcheck(
        function_of(layer),
        leaves(given),
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
        **check,
    )


@pytest.mark.parametrize("cell_type", [RNN, RRN, GRU])
def test_places_one_example_at_a_time(cell_type):
    layer, places, _ = problem(cell_type, "places", T, B, D, H)
    found = func.vmap(lambda each: layer(each[:, None])[0][:, 0], 1, 1)(places)
    torch.testing.assert_close(found, layer(places)[0])


class Seen(Tensor):
    """A tensor that stays of its class."""


@every_cell
def test_tensors_of_another_class_stay_of_it(cell_type):
    layer, inputs, state = problem(cell_type, "dense", T, B, D, H)
    hidden, _ = layer(inputs.as_subclass(Seen), state)
    assert type(hidden) is Seen
    torch.testing.assert_close(hidden.as_subclass(Tensor), layer(inputs, state)[0])


def test_modes_see_the_operations():
    layer, inputs, _ = problem(LSTM, "dense", T, B, D, H)
    with FlopCounterMode(display=False) as counter:
        layer(inputs)
    # A sum and a product for each entry of both matrices.
    assert counter.get_total_flops() == T * B * 4 * H * (D + H) * 2


def test_inputs_elsewhere_are_told_by_torch():
    layer, inputs, _ = problem(LSTM, "dense", T, B, D, H)
    with pytest.raises(RuntimeError, match="device"):
        layer(inputs.to("meta"))


@pytest.mark.parametrize("way", ["compile", "export", "trace"])
def test_programs_made_of_a_network(way):
    network = CharacterNetwork("LSTM", D, H, num_layers=1)
    characters, others = torch.randint(D, (2, T, B))
    # These warn of themselves: that they are no longer kept, and that a length is taken as it is.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if way == "compile":
            torch._dynamo.reset()
            program = torch.compile(network, fullgraph=True, backend="eager")
        elif way == "trace":
            program = torch.jit.trace(network, (characters,))
        else:
            program = torch.export.export(network, (characters,), strict=False).module()
        logits, state = program(others)
    expected, expected_state = network(others)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(tuple(state), expected_state)
    assert fastest(network.recurrent.layers[0]) == "numba"


def test_torch_still_tells_what_is_at_work():
    """By names of its own, without which nothing would be at work."""
    assert hasattr(torch._C, "_are_functorch_transforms_active")
    assert hasattr(torch._C, "_len_torch_dispatch_stack")
    assert hasattr(forward_ad, "_current_level")
    assert transforms.at_work() == ""
