"""The Triton kernels of the RRN against the plain loop: interpreted, or compiled for a GPU."""

import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
import torch

from layers import GRU, RRN
from layers.backends import choice, through_triton
from layers.backends.choice import fastest
from tests.layers.backends.against_loop import assert_equals_loop, draw

has_gpu = torch.cuda.is_available()
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
needs_gpu = pytest.mark.skipif(not has_gpu, reason="there is no CUDA device")
# A process either interprets the kernels or compiles them.
needs_none = pytest.mark.skipif(has_gpu, reason="there is a CUDA device: the kernels are compiled")

every_shape = pytest.mark.parametrize(
    "T, B, D, H",
    [
        (1, 1, 1, 1),
        (1, 4, 3, 5),
        (7, 1, 2, 3),
        # More examples than a program takes, on either side of a whole number of programs.
        (3, 16, 1, 16),
        (3, 17, 3, 16),
        (5, 7, 4, 33),
        (3, 9, 3, 128),
        # Weights that are read anew at each step, with a last chunk that is not whole.
        (3, 9, 3, 150),
        (2, 3, 3, 256),
    ],
)


@pytest.fixture(
    params=[
        pytest.param("cpu", marks=[needs_triton, needs_none]),
        pytest.param("cuda", marks=[needs_triton, needs_gpu]),
    ]
)
def device(request, monkeypatch):
    """Where the test runs; on a CPU the kernels are interpreted, which the program never does."""
    if request.param == "cpu":
        import triton  # noqa: F401  # Before the variable is set: its own functions stay compiled.

        monkeypatch.setenv("TRITON_INTERPRET", "1")
        import layers.backends.triton_kernels  # noqa: F401

        monkeypatch.setattr(through_triton, "obstacle", lambda layer: "")
    return request.param


@pytest.fixture
def rrn(device):
    """Make an RRN that goes through time by Triton; the interpreter knows float64."""

    def make(D, H, dtype=torch.float64 if device == "cpu" else torch.float32):
        return RRN(D, H, backend="triton").to(device, dtype)

    return make


@every_shape
@pytest.mark.parametrize("places", [False, True])
@pytest.mark.parametrize("all_steps", [True, False])
def test_equals_the_loop(T, B, D, H, places, all_steps, rrn):
    layer = rrn(D, H)
    assert_equals_loop(layer, *draw(layer, T, B, places), all_steps=all_steps)


@pytest.mark.parametrize("H", [3, 33, 150])
def test_equals_the_loop_in_float32(H, rrn):
    layer = rrn(3, H, torch.float32)
    assert_equals_loop(layer, *draw(layer, 4, 9))


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_rounds_only_where_torch_may(precision, rrn):
    layer = rrn(3, 33, torch.float32)
    inputs, state = draw(layer, 4, 17)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        assert through_triton._precision(torch.float32) == "tf32"
        # A unit that is close to 0 may come out on its other side: gradients are not compared.
        hidden, _ = layer(inputs, state)
        expected, _ = layer.loop(inputs, state, True)
        torch.testing.assert_close(hidden, expected, rtol=0.02, atol=0.02)
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("places", [False, True])
def test_inputs_may_lie_anyhow(places, rrn):
    layer = rrn(4, 5)
    inputs, state = draw(layer, 6, 3, places, strided=True)
    assert not inputs.is_contiguous()
    assert_equals_loop(layer, inputs, state)


@pytest.mark.parametrize("weighed", [(0,), (1,), (2,), (1, 2)])
def test_a_loss_may_read_any_of_the_outputs(weighed, rrn):
    layer = rrn(4, 5)
    assert_equals_loop(layer, *draw(layer, 6, 3), weighed)


@pytest.mark.parametrize("wanting", ["inputs", "state", "weight_ih", "weight_hh", "bias"])
def test_any_of_the_leaves_may_want_a_gradient(wanting, rrn):
    layer = rrn(4, 5)
    inputs, state = draw(layer, 6, 3)
    inputs.requires_grad_(wanting == "inputs")
    for tensor in state:
        tensor.requires_grad_(wanting == "state")
    for name, parameter in layer.named_parameters():
        parameter.requires_grad_(name == wanting)
    assert_equals_loop(layer, inputs, state)


def test_gradients_may_lie_anyhow(rrn):
    layer = rrn(4, 5)
    inputs, state = draw(layer, 6, 3)
    gradients = []
    for layer.backend in ("loop", "triton"):
        hidden, (h, c) = layer(inputs, state)
        loss = hidden.sum() + (h.t() @ torch.ones_like(c)).sum() + c.sum()
        gradients.append(torch.autograd.grad(loss, [inputs, *layer.parameters()]))
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-4)


def test_serves_twice_in_one_graph(rrn):
    layer = rrn(5, 5)
    inputs, state = draw(layer, 4, 3)
    leaves = (inputs, *state, *layer.parameters())
    gradients = []
    for layer.backend in ("loop", "triton"):
        hidden, between = layer(inputs, state)
        hidden, _ = layer(hidden / 2, between)
        gradients.append(torch.autograd.grad(hidden.sum(), leaves))
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("places", [False, True])
@pytest.mark.parametrize("all_steps", [True, False])
def test_takes_an_empty_batch(places, all_steps, rrn):
    layer = rrn(4, 5)
    inputs, state = draw(layer, 3, 0, places)
    assert_equals_loop(layer, inputs, state, all_steps=all_steps)


def test_may_go_back_twice(rrn):
    layer = rrn(4, 5)
    hidden, _ = layer(*draw(layer, 6, 3))
    first = torch.autograd.grad(hidden.sum(), [*layer.parameters()], retain_graph=True)
    second = torch.autograd.grad(hidden.sum(), [*layer.parameters()])
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


@pytest.mark.parametrize(
    "device", [pytest.param("cpu", marks=[needs_triton, needs_none])], indirect=True
)
def test_gradients_by_finite_differences(rrn, gradients_are_right):
    layer = rrn(2, 3)
    assert gradients_are_right(layer, *draw(layer, 3, 2))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("all_steps", [True, False])
@pytest.mark.parametrize("H", [5, 150])
def test_runs_without_gradients(mode, all_steps, H, rrn):
    layer = rrn(4, H)
    inputs, state = draw(layer, 4, 3)
    with mode():
        hidden, last = through_triton.run(layer, inputs, state, all_steps)
        expected, expected_last = layer.loop(inputs, state, True)
    torch.testing.assert_close(last, expected_last)
    if all_steps:
        torch.testing.assert_close(hidden, expected)
    else:
        assert hidden is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("H", [33, 150])
@pytest.mark.parametrize("places", [False, True])
def test_follows_autocast(dtype, H, places, device, rrn):
    if (device, dtype) == ("cpu", torch.bfloat16):
        pytest.skip("Triton's interpreter does not know bfloat16")
    layer = rrn(4, H, torch.float32)
    inputs, state = draw(layer, 4, 9, places)
    with torch.autocast(device, dtype=dtype):
        by_loop, by_loop_last = layer.loop(inputs, state, True)
        hidden, last = layer(inputs, state)
    for tensor, right in zip((hidden, *last), (by_loop, *by_loop_last), strict=True):
        assert tensor.dtype == right.dtype == torch.float32
        torch.testing.assert_close(tensor, right, rtol=0.05, atol=0.05)
    gradients = torch.autograd.grad(hidden.sum(), [*layer.parameters()])
    expected = torch.autograd.grad(by_loop.sum(), [*layer.parameters()])
    for gradient, right in zip(gradients, expected, strict=True):
        assert gradient.dtype == right.dtype
        assert (gradient - right).norm() < 0.05 * right.norm()


@pytest.fixture
def blank(rrn):
    """Make an RRN of zeros, with inputs (T, B, D) and a state of zeros."""

    def make(H):
        layer = rrn(2, H)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.zero_()
        inputs = torch.zeros(3, 3, 2, dtype=layer.bias.dtype, device=layer.bias.device)
        return layer, inputs, tuple(zeros.requires_grad_() for zeros in layer.initial_state(3))

    return make


def test_zero_has_no_gradient(blank):
    """As torch.relu: from all zeros nothing goes back."""
    assert_equals_loop(*blank(3))


@pytest.mark.parametrize("H", [3, 150])
@pytest.mark.parametrize("unit", ["inc", "dec"])
def test_what_is_no_number_is_not_hidden(H, unit, blank):
    layer, inputs, state = blank(H)
    with torch.no_grad():
        layer.bias[{"inc": 0, "dec": H}[unit]] = float("nan")
        hidden, last = layer(inputs, state)
        assert hidden[0].isnan().sum() == 3
        torch.testing.assert_close((hidden, last), layer.loop(inputs, state, True), equal_nan=True)


@pytest.mark.parametrize("H", [3, 150])
def test_what_is_no_number_stays_in_its_example(H, blank):
    layer, inputs, state = blank(H)
    inputs[1, 1, 0] = float("nan")
    hidden, _ = layer(inputs, state)
    assert hidden[1:, 1].isnan().all()
    assert not hidden[:, ::2].isnan().any()
    (gradient,) = torch.autograd.grad(hidden[:, ::2].sum(), [state[1]])
    assert not gradient[::2].isnan().any()


def test_is_deterministic(rrn):
    layer = rrn(4, 33)
    inputs, state = draw(layer, 4, 17)
    outcomes = []
    for _ in range(2):
        hidden, _ = layer(inputs, state)
        outcomes.append((hidden, *torch.autograd.grad(hidden.sum(), [*layer.parameters()])))
    assert all(torch.equal(*pair) for pair in zip(*outcomes, strict=True))


def test_is_for_a_gpu_even_where_it_could_be_interpreted(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    layer = RRN(4, 5, backend="triton")
    reason = "it needs a GPU, and the layer is on cpu"
    assert through_triton.obstacle(layer) == reason
    with pytest.raises(ValueError, match=f"^backend triton cannot be used: {reason}$"):
        layer(torch.zeros(2, 3, 4))


class Other(RRN):
    """Whose equations may be others."""


def on_gpu(layer):
    """The layer, as far as `obstacle` looks at it, as if it were on a GPU."""
    weight = SimpleNamespace(device=torch.device("cuda", 0), dtype=layer.weight_hh.dtype)
    del layer.weight_hh
    layer.weight_hh = weight
    return layer


@pytest.mark.parametrize(
    "layer, reason",
    [
        (RRN(4, 256), ""),
        (RRN(4, 257), "it takes at most 256 hidden units, not 257"),
        (GRU(4, 5), "there is a kernel for the RRN alone, not for GRU"),
        (Other(4, 5), "there is a kernel for the RRN alone, not for Other"),
        (RRN(4, 5).double(), "it knows weights in float32, not float64"),
    ],
)
def test_says_why_it_cannot_walk_a_layer(layer, reason, monkeypatch):
    monkeypatch.setattr(through_triton, "_shortcoming", lambda device, large: "")
    monkeypatch.setattr(through_triton, "_failure", lambda device, size, precision: "")
    assert through_triton.obstacle(on_gpu(layer)) == reason


@pytest.fixture
def failure(rrn, device):
    """What the trial on this device comes to, asked anew each time."""
    through_triton._failure.cache_clear()
    yield lambda H: through_triton._failure(torch.device(device), H, "ieee")
    through_triton._failure.cache_clear()


@pytest.mark.parametrize("H", [1, 33, 150, 256])
def test_a_trial_finds_nothing_wrong(H, failure):
    state = torch.get_rng_state()
    with torch.no_grad():
        assert failure(H) == ""
    assert torch.equal(torch.get_rng_state(), state)


def test_a_trial_finds_wrong_numbers(failure, monkeypatch):
    walk = through_triton.run

    def wrong(*arguments):
        hidden, state = walk(*arguments)
        return hidden * torch.linspace(0.5, 1.5, hidden.shape[2], device=hidden.device), state

    monkeypatch.setattr(through_triton, "run", wrong)
    assert failure(5) == "its kernels come to something else than the loop here"


def test_a_trial_finds_what_is_no_number(failure, monkeypatch):
    walk = through_triton.run
    monkeypatch.setattr(through_triton, "run", lambda *given: (walk(*given)[0] * torch.nan, ()))
    assert failure(5) == "its kernels come to something else than the loop here"


def test_a_trial_that_fails_says_how(failure, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("out of resource: shared memory\nof which there is little")

    monkeypatch.setattr(through_triton, "run", fail)
    assert failure(5) == "its kernels fail here: out of resource: shared memory"


@pytest.mark.parametrize(
    "shortcoming, failure, name",
    [("", "", "triton"), ("it is too old", "", "loop"), ("", "its kernels fail here: no", "loop")],
)
def test_on_a_gpu_an_rrn_takes_it_if_it_works_there(shortcoming, failure, name, monkeypatch):
    monkeypatch.setattr(through_triton, "_shortcoming", lambda device, large: shortcoming)
    monkeypatch.setattr(through_triton, "_failure", lambda device, size, precision: failure)
    # It looks at the memory of the weights, which are not there.
    monkeypatch.setattr(choice, "unusual", lambda given, layer: "")
    assert fastest(on_gpu(RRN(4, 5))) == name
    assert fastest(on_gpu(GRU(4, 5))) == "torch"


H100 = {"major": 9, "minor": 0, "shared_memory_per_block_optin": 227 * 1024}


@pytest.mark.parametrize(
    "size, version, properties, reason",
    [
        (256, "3.9.0", {}, ""),
        (256, "3.10.0+git1", {}, ""),
        (5, None, {}, "Triton is not installed: pip install -e '.[triton]'"),
        (5, "3.5.1", {}, "it needs Triton 3.6 or later, not 3.5.1"),
        (
            5,
            "3.9.0",
            {"major": 7, "minor": 5},
            "it needs a GPU of compute capability 8.0 or later, not 7.5",
        ),
        (64, "3.9.0", {"minor": 9, "shared_memory_per_block_optin": 99 * 1024}, ""),
        (
            65,
            "3.9.0",
            {"shared_memory_per_block_optin": 99 * 1024},
            "this GPU has shared memory for at most 64 hidden units",
        ),
    ],
)
def test_says_what_a_machine_lacks(size, version, properties, reason, monkeypatch):
    through_triton._shortcoming.cache_clear()
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(through_triton, "find_spec", lambda name: version)
    monkeypatch.setitem(sys.modules, "triton", SimpleNamespace(__version__=version))
    found = SimpleNamespace(**{**H100, **properties})
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: found)
    monkeypatch.setattr(through_triton, "_failure", lambda device, size, precision: "")
    assert through_triton.obstacle(on_gpu(RRN(4, size))) == reason
    through_triton._shortcoming.cache_clear()


def test_needs_no_triton_to_be_imported():
    program = (
        "import sys; sys.modules['triton'] = None\n"
        "import torch, layers, layers.backends.through_torch\n"
        "from layers.backends import through_triton\n"
        "layer = layers.RRN(4, 5)\n"
        "layer(torch.zeros(2, 3, 4))\n"
        "assert through_triton.obstacle(layer)\n"
    )
    subprocess.run([sys.executable, "-W", "error::ImportWarning", "-c", program], check=True)


@pytest.mark.parametrize("size, units", [(1, 16), (16, 16), (17, 32), (128, 128), (129, 256)])
@pytest.mark.parametrize("exact", [True, False])
def test_blocks_hold_all_units_and_half_a_mebibyte_does_not_stay(size, units, exact):
    blocks = through_triton.Blocks.of(size, exact)
    assert blocks.units == units
    assert units % blocks.chunk == 0
    kept = 2 * 4 * blocks.chunk * units
    assert kept <= 128 * 1024
