"""Values and gradients of the compiled walk against those of the plain loop."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from layers import RRN
from tests.layers.backends.problems import (
    KINDS,
    distance_from_kinks,
    every_cell,
    every_kind,
    layer_of,
    outputs_of,
    problem,
    trained,
)


def assert_close(ours, theirs):
    """Equal but for rounding: that of float32 grows with the entries that are summed."""
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        if expected.dtype == torch.float64:
            rtol, atol = 1e-10, 1e-10
        else:
            rtol, atol = 1e-4, 1e-5 * max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(
            ours[name], expected, rtol=rtol, atol=atol, msg=lambda text, n=name: f"{n}: {text}"
        )


# Ways to lie in memory: the shape to draw, and how what was drawn is looked at.
LAYOUTS = {
    "contiguous": (lambda shape: shape, lambda drawn, shape: drawn),
    "transposed": (
        lambda shape: (shape[1], shape[0], *shape[2:]),
        lambda drawn, shape: drawn.transpose(0, 1),
    ),
    "last first": (
        lambda shape: (*shape[:-2], shape[-1], shape[-2]),
        lambda drawn, shape: drawn.transpose(-1, -2),
    ),
    "strided": (
        lambda shape: tuple(2 * n for n in shape),
        lambda drawn, shape: drawn[tuple(slice(None, None, 2) for _ in shape)],
    ),
    "expanded": (
        lambda shape: (*shape[:-2], 1, shape[-1]),
        lambda drawn, shape: drawn.expand(shape),
    ),
}

# Ways to a number, each of which sends back a gradient that lies in memory in its own way.
REDUCTIONS = {
    "weighed": lambda output, weights: (output * weights).sum(),
    "summed": lambda output, weights: output.sum(),
    "transposed": lambda output, weights: (
        output.transpose(0, 1) * weights.transpose(0, 1).contiguous()
    ).sum(),
}


@every_cell
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_equals_the_loop(cell_type, data):
    T, B, H = (
        data.draw(st.integers(1, most), label=n) for n, most in zip("TBH", (12, 9, 40), strict=True)
    )
    kind = data.draw(st.sampled_from(KINDS), label="kind")
    D = 1 if kind == "number" else data.draw(st.integers(1, 5), label="D")
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64]), label="dtype")
    from_zeros, all_steps = (data.draw(st.booleans(), label=n) for n in ("from zeros", "all steps"))
    layouts = [data.draw(st.sampled_from(list(LAYOUTS)), label=n) for n in ("inputs", "state")]
    reduction = data.draw(st.sampled_from(list(REDUCTIONS)), label="gradient")
    torch.manual_seed(data.draw(st.integers(0, 2**32 - 1), label="seed"))

    layer = layer_of(cell_type, D, H, dtype)
    names = [*(["hidden"] if all_steps else []), *"hc"[: layer.state_tensors]]
    used = data.draw(st.sets(st.sampled_from(names), min_size=1), label="used")
    wanting = ["inputs", "state", *dict(layer.named_parameters())]
    wanting = data.draw(st.sets(st.sampled_from(wanting)), label="wanting")
    for name, parameter in layer.named_parameters():
        parameter.requires_grad_(name in wanting)

    drawn_shape, look = LAYOUTS[layouts[0]]
    shape = (T, B) if kind == "places" else (T, B, D)
    if kind == "places":
        drawn = torch.randint(D, drawn_shape(shape))
    else:
        drawn = torch.randn(drawn_shape(shape), dtype=dtype)
        drawn.requires_grad_("inputs" in wanting)
    drawn_state_shape, look_at_state = LAYOUTS[layouts[1]]
    drawn_state = [
        torch.randn(drawn_state_shape((B, H)), dtype=dtype).requires_grad_("state" in wanting)
        for _ in range(0 if from_zeros else layer.state_tensors)
    ]
    if cell_type is RRN and dtype == torch.float32:
        # On the other side of a kink, by rounding, is another gradient.
        first = [look_at_state(each, (B, H)) for each in drawn_state] or layer.initial_state(B)
        assume(distance_from_kinks(layer, look(drawn, shape), first) > 1e-5)

    weights = {
        n: torch.randn((T, B, H) if n == "hidden" else (B, H), dtype=dtype) for n in sorted(used)
    }
    leaves = {"inputs": drawn, **{f"state {k}": each for k, each in enumerate(drawn_state)}}
    leaves |= dict(layer.named_parameters())
    leaves = {n: leaf for n, leaf in leaves.items() if leaf.requires_grad}
    outcomes = []
    for backend in ("numba", "loop"):
        layer.backend = backend
        state = [look_at_state(each, (B, H)) for each in drawn_state] or None
        outputs = outputs_of(layer, look(drawn, shape), state, all_steps)
        outcome = {n: output.detach() for n, output in outputs.items()}
        if leaves:
            total = sum(REDUCTIONS[reduction](outputs[n], weights[n]) for n in weights)
            # Of the state c, nothing may depend on a parameter of the last step's o.
            gradients = torch.autograd.grad(
                total, list(leaves.values()), allow_unused=True, materialize_grads=True
            )
            outcome |= {f"of {n}": g for n, g in zip(leaves, gradients, strict=True)}
        outcomes.append(outcome)
    assert_close(*outcomes)


@every_cell
@every_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_loop_at_the_edges(cell_type, kind, dtype):
    shapes = [(1, 3, 2, 5), (4, 1, 2, 5), (1, 1, 1, 1), (4, 3, 2, 1)]
    # Whole vector registers, one more, and those that the study has.
    shapes += [(3, 2, 3, H) for H in (33, 64, 128)]
    for T, B, D, H in shapes:
        layer, inputs, state = problem(cell_type, kind, T, B, D, H, dtype)
        for first in (state, None):
            for all_steps in (True, False):
                loop = trained(layer, "loop", inputs, first, all_steps)
                assert_close(trained(layer, "numba", inputs, first, all_steps), loop)


@every_cell
def test_long_sequences_do_not_drift(cell_type):
    layer, inputs, _ = problem(cell_type, "dense", 200, 3, 2, 17)
    if cell_type is RRN:
        # What grows without bounds has no digits in common after a while.
        with torch.no_grad():
            layer.weight_hh.div_(10)
    loop = trained(layer, "loop", inputs, None)
    for name, ours in trained(layer, "numba", inputs, None).items():
        torch.testing.assert_close(ours, loop[name], rtol=1e-9, atol=1e-9)


@every_cell
def test_an_empty_batch_is_walked(cell_type):
    for kind in KINDS:
        layer, inputs, state = problem(cell_type, kind, 3, 0, 2, 4)
        assert_close(trained(layer, "numba", inputs, state), trained(layer, "loop", inputs, state))


@every_cell
def test_parameters_may_lie_in_memory_in_any_way(cell_type):
    layer, inputs, state = problem(cell_type, "dense", 4, 3, 2, 5)
    loop = trained(layer, "loop", inputs, state)
    for name, parameter in layer.named_parameters():
        spread = torch.zeros(tuple(2 * n for n in parameter.shape[::-1]), dtype=parameter.dtype)
        strided = spread.t() if parameter.dim() > 1 else spread
        strided = strided[tuple(slice(None, None, 2) for _ in parameter.shape)]
        strided.copy_(parameter.detach())
        setattr(layer, name, torch.nn.Parameter(strided))
        assert not getattr(layer, name).is_contiguous()
    assert_close(trained(layer, "numba", inputs, state), loop)
