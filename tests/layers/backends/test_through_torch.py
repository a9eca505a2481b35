"""torch's own sequence kernels, with the parameters of our layers, against the plain loop."""

import pytest
import torch

from layers import GRU, LSTM, RNN, RRN
from layers.backends import through_torch
from tests.layers.backends.against_loop import assert_equals_loop, draw

every_cell = pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
every_shape = pytest.mark.parametrize(
    "T, B, D, H",
    [(1, 1, 1, 1), (1, 4, 3, 5), (7, 1, 2, 3), (6, 3, 1, 16), (5, 7, 4, 33), (4, 5, 3, 128)],
)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=needs_gpu)])
def device(request, monkeypatch):
    """Where the test runs. cuDNN must not round more than the loop it is held against."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    return request.param


@pytest.fixture
def made(device):
    """Make a cell that goes through time by torch."""
    return lambda cell, D, H, dtype=None: cell(D, H, backend="torch").to(device, dtype)


@every_cell
@every_shape
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("places", [False, True])
@pytest.mark.parametrize("all_steps", [True, False])
def test_equals_the_loop(cell, T, B, D, H, dtype, places, all_steps, made):
    layer = made(cell, D, H, dtype)
    assert_equals_loop(layer, *draw(layer, T, B, places), all_steps=all_steps)


@every_cell
@pytest.mark.parametrize("places", [False, True])
def test_inputs_may_lie_anyhow(cell, places, made):
    layer = made(cell, 4, 5)
    inputs, state = draw(layer, 6, 3, places, strided=True)
    assert not inputs.is_contiguous()
    assert_equals_loop(layer, inputs, state)


@every_cell
@pytest.mark.parametrize("weighed", [(0,), (1,), (-1,)])
def test_a_loss_may_read_any_of_the_outputs(cell, weighed, made):
    layer = made(cell, 4, 5)
    assert_equals_loop(layer, *draw(layer, 6, 3), weighed)


@every_cell
@pytest.mark.parametrize("wanting", ["inputs", "state", "weight_ih", "weight_hh", "bias"])
def test_any_of_the_leaves_may_want_a_gradient(cell, wanting, made):
    layer = made(cell, 4, 5)
    inputs, state = draw(layer, 6, 3)
    inputs.requires_grad_(wanting == "inputs")
    for tensor in state:
        tensor.requires_grad_(wanting == "state")
    for name, parameter in layer.named_parameters():
        parameter.requires_grad_(name == wanting)
    assert_equals_loop(layer, inputs, state)


@every_cell
def test_serves_twice_in_one_graph(cell, made):
    layer = made(cell, 5, 5)
    inputs, state = draw(layer, 6, 3)
    leaves = (inputs, *state, *layer.parameters())
    gradients = []
    for layer.backend in ("loop", "torch"):
        hidden, between = layer(inputs, state)
        hidden, _ = layer(hidden * 2, between)
        gradients.append(torch.autograd.grad(hidden.square().sum(), leaves))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)


@every_cell
@pytest.mark.parametrize("places", [False, True])
@pytest.mark.parametrize("all_steps", [True, False])
def test_takes_an_empty_batch(cell, places, all_steps, made):
    layer = made(cell, 4, 5)
    inputs, state = draw(layer, 3, 0, places)
    assert_equals_loop(layer, inputs, state, all_steps=all_steps)


@every_cell
def test_inputs_of_another_type_are_refused_as_by_the_loop(cell, made):
    layer = made(cell, 4, 5)
    inputs, _ = draw(layer, 3, 2)
    for layer.backend in ("loop", "torch"):
        with pytest.raises(RuntimeError, match="type"):
            layer(inputs.double())


@every_cell
def test_may_go_back_twice(cell, made):
    layer = made(cell, 4, 5)
    hidden, _ = layer(*draw(layer, 6, 3))
    first = torch.autograd.grad(hidden.sum(), [*layer.parameters()], retain_graph=True)
    second = torch.autograd.grad(hidden.sum(), [*layer.parameters()])
    torch.testing.assert_close(first, second)


@every_cell
def test_gradients_by_finite_differences(cell, gradients_are_right):
    layer = cell(2, 4, backend="torch").double()
    assert gradients_are_right(layer, *draw(layer, 4, 2))


@every_cell
def test_goes_back_through_a_layer_that_is_not_training(cell, made):
    layer = made(cell, 4, 5).eval()
    assert_equals_loop(layer, *draw(layer, 6, 3))


@every_cell
@pytest.mark.parametrize("training", [True, False])
def test_keeps_what_the_way_back_needs_where_there_may_be_one(cell, training, monkeypatch):
    """cuDNN would refuse to go back otherwise; the CPU keeps it in any case."""
    kept = []
    for name in ("rnn_tanh", "lstm", "gru"):
        kernel = getattr(torch._VF, name)
        monkeypatch.setattr(
            torch._VF,
            name,
            lambda *given, kernel=kernel: kept.append(given[6]) or kernel(*given),
            raising=False,
        )
    layer = cell(4, 5, backend="torch").train(training)
    inputs, state = draw(layer, 3, 2)
    layer(inputs, state)
    with torch.no_grad():
        layer(inputs, state)
    assert kept == [True, False]


@every_cell
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("all_steps", [True, False])
def test_runs_without_gradients(cell, mode, all_steps, made):
    layer = made(cell, 4, 5)
    inputs, state = draw(layer, 6, 3)
    with mode():
        hidden, last = through_torch.run(layer, inputs, state, all_steps)
        expected, expected_last = layer.loop(inputs, state, True)
    torch.testing.assert_close(last, expected_last)
    if all_steps:
        torch.testing.assert_close(hidden, expected)
    else:
        assert hidden is None


@every_cell
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("places", [False, True])
def test_follows_autocast(cell, dtype, places, device, made):
    layer = made(cell, 4, 33)
    inputs, state = draw(layer, 6, 3, places)
    expected, _ = layer.loop(inputs, state, True)
    with torch.autocast(device, dtype=dtype):
        hidden, last = layer(inputs, state)
        with torch.no_grad():
            alike, _ = layer(inputs, state)
    fast = torch.float16 if device == "cuda" else torch.bfloat16
    assert hidden.dtype == (dtype if dtype == fast else torch.float32)
    assert {tensor.dtype for tensor in last} == {hidden.dtype}
    for computed in (hidden, alike):
        torch.testing.assert_close(computed.float(), expected, rtol=0.05, atol=0.03)
    gradients = torch.autograd.grad(hidden.float().sum(), [*layer.parameters()])
    expected = torch.autograd.grad(expected.sum(), [*layer.parameters()])
    for gradient, right in zip(gradients, expected, strict=True):
        assert gradient.dtype == torch.float32
        assert (gradient - right).norm() < 0.05 * right.norm()


@every_cell
def test_says_which_number_is_no_place(cell):
    layer = cell(4, 5, backend="torch")
    with pytest.raises(IndexError):
        layer(torch.full((6, 3), 4))


class Other(RNN):
    """Whose equations may be others."""


@pytest.mark.parametrize(
    "layer, reason",
    [
        (RNN(2, 3), ""),
        (LSTM(2, 3).double(), ""),
        (GRU(2, 3), ""),
        (RRN(2, 3), "torch has no kernel for RRN"),
        (Other(2, 3), "torch has no kernel for Other"),
        (RNN(2, 3).to("meta"), "it is for a CPU or a GPU of CUDA, and the layer is on meta"),
        (GRU(2, 3).half(), "it does not know float16"),
    ],
)
def test_says_why_it_cannot_walk_a_layer(layer, reason):
    assert through_torch.obstacle(layer) == reason


@every_cell
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_weights_are_one_buffer_in_the_order_of_cudnn(cell, dtype):
    """torch looks for just this: W_ih first in a storage of its own, and nothing between."""
    layer = cell(4, 5)
    weights = through_torch._weights(layer, dtype)
    storage = weights[0].untyped_storage()
    offset = 0
    for weight in weights:
        assert weight.dtype == dtype
        assert weight.storage_offset() == offset
        assert weight.is_contiguous()
        assert weight.untyped_storage().data_ptr() == storage.data_ptr()
        offset += weight.numel()
    assert storage.nbytes() == dtype.itemsize * offset
