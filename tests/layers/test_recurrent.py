"""What must hold for every cell, whatever its equations."""

import pytest
import torch

from layers import GRU, LSTM, RNN, RRN, Recurrent, Stack

CELLS = [RNN, LSTM, RRN, GRU]

every_cell = pytest.mark.parametrize("cell_type", CELLS)


@every_cell
@pytest.mark.parametrize("T, B", [(1, 1), (6, 3)])
def test_forward_is_step_after_step(cell_type, T, B, draw):
    cell = cell_type(4, 5, backend="loop").double()
    inputs, state = draw(cell, T, B)
    hidden, last = cell(inputs, state)
    for t in range(T):
        step_hidden, state = cell.step(inputs[t], state)
        assert torch.equal(step_hidden, hidden[t])
        assert torch.equal(state[0], hidden[t])
    torch.testing.assert_close(last, state, rtol=0, atol=0)


@every_cell
@pytest.mark.parametrize("cut", [1, 4, 6])
def test_a_sequence_cut_in_two_is_the_whole_sequence(cell_type, cut, draw):
    cell = cell_type(4, 5, backend="loop").double()
    inputs, state = draw(cell, 7, 3)
    whole, whole_last = cell(inputs, state)
    first, between = cell(inputs[:cut], state)
    second, last = cell(inputs[cut:], between)
    assert torch.equal(torch.cat((first, second)), whole)
    torch.testing.assert_close(last, whole_last, rtol=0, atol=0)


@every_cell
@pytest.mark.parametrize("T, B, D", [(1, 1, 1), (6, 3, 4), (2, 40, 3)])
def test_a_place_stands_for_a_vector_that_is_one_there(cell_type, T, B, D):
    cell = cell_type(D, 5).double()
    state = tuple(torch.randn_like(zeros) for zeros in cell.initial_state(B))
    places = torch.randint(D, (T, B))
    weighing = torch.randn(T, B, 5, dtype=torch.float64)
    outcomes = []
    for inputs in (places, torch.eye(D, dtype=torch.float64)[places]):
        cell.zero_grad()
        hidden, last = cell(inputs, state)
        stepped, _ = cell.step(inputs[0], state)
        (hidden * weighing).sum().backward()
        outcomes.append((hidden, last, stepped, {n: p.grad for n, p in cell.named_parameters()}))
    torch.testing.assert_close(*outcomes)


@every_cell
def test_examples_do_not_meet(cell_type, draw):
    cell = cell_type(4, 5).double()
    inputs, state = draw(cell, 6, 3)
    together, _ = cell(inputs, state)
    for b in range(3):
        alone, _ = cell(inputs[:, b : b + 1], tuple(tensor[b : b + 1] for tensor in state))
        torch.testing.assert_close(alone, together[:, b : b + 1])


@every_cell
def test_starts_from_zeros(cell_type, draw):
    cell = cell_type(4, 5).double()
    inputs, _ = draw(cell, 6, 3)
    zeros = tuple(torch.zeros(3, 5, dtype=torch.float64) for _ in range(cell.state_tensors))
    assert torch.equal(cell(inputs)[0], cell(inputs, zeros)[0])


@every_cell
def test_initial_state_follows_the_weights(cell_type):
    for cell in (cell_type(4, 5).double(), cell_type(4, 5).to("meta")):
        state = cell.initial_state(3)
        assert len(state) == (2 if cell_type in (LSTM, RRN) else 1)
        for tensor in state:
            assert tensor.shape == (3, 5)
            assert (tensor.dtype, tensor.device) == (cell.bias.dtype, cell.bias.device)
    assert all(not tensor.any() for tensor in cell_type(4, 5).initial_state(3))


@every_cell
def test_bounded_says_whether_the_state_stays_finite(cell_type):
    torch.manual_seed(0)
    cell = cell_type(4, 32)
    with torch.no_grad():
        _, state = cell(torch.randn(2000, 1, 4))
    assert all(tensor.isfinite().all() for tensor in state) == cell_type.bounded


@every_cell
def test_is_deterministic(cell_type, draw):
    cell = cell_type(4, 5)
    inputs, state = draw(cell, 6, 3)
    hidden, _ = cell(inputs, state)
    again, _ = cell(inputs, state)
    assert torch.equal(hidden, again)


@every_cell
@pytest.mark.parametrize("backend", ["loop", "auto"])
def test_last_state_is_that_of_the_whole_walk(cell_type, backend, draw):
    cell = cell_type(4, 5, backend=backend)
    inputs, state = draw(cell, 6, 3)
    hidden, last = cell(inputs, state)
    torch.testing.assert_close(cell.last_state(inputs, state), last)
    assert torch.equal(last[0], hidden[-1])


@every_cell
def test_last_state_costs_no_backward_through_the_stack(cell_type, draw):
    cell = cell_type(4, 5, backend="loop")
    inputs, _ = draw(cell, 6, 3)

    def operations_behind(tensor):
        found, open_nodes = set(), [tensor.grad_fn]
        while open_nodes:
            node = open_nodes.pop()
            if node is not None and node not in found:
                found.add(node)
                open_nodes += [parent for parent, _ in node.next_functions]
        return {node.name() for node in found}

    assert "StackBackward0" in operations_behind(cell(inputs)[0])
    assert "StackBackward0" not in operations_behind(cell.last_state(inputs)[0])


@every_cell
def test_parameters_are_laid_out_as_in_torch(cell_type):
    cell = cell_type(4, 5)
    gates = {RNN: 1, LSTM: 4, RRN: 2, GRU: 3}[cell_type]
    expected = {"weight_ih": (gates * 5, 4), "weight_hh": (gates * 5, 5), "bias": (gates * 5,)}
    if cell_type is GRU:
        expected["bias_hn"] = (5,)
    assert {name: tuple(p.shape) for name, p in cell.named_parameters()} == expected
    assert (cell.input_size, cell.hidden_size, cell.gate_blocks) == (4, 5, gates)


@pytest.mark.parametrize("n, d", [(1, 1), (5, 3), (128, 1), (128, 10), (64, 87)])
def test_parameter_counts_of_the_study(n, d):
    gate = n * n + d * n + n
    expected = {RNN: gate, LSTM: 4 * gate, RRN: 2 * gate, GRU: 3 * gate + n}
    for cell_type, count in expected.items():
        assert sum(p.numel() for p in cell_type(d, n).parameters()) == count


def test_parameter_counts_at_the_settings_of_the_study():
    counts = {c: sum(p.numel() for p in c(1, 128).parameters()) for c in CELLS}
    assert counts == {RNN: 16_640, LSTM: 66_560, RRN: 33_280, GRU: 50_048}


@every_cell
@pytest.mark.parametrize(
    "shape, complaint",
    [
        ((6, 4), r"^inputs must have shape \(time, batch, 4\), got \(6, 4\)$"),
        ((6, 3, 4, 1), r"^inputs must have shape \(time, batch, 4\), got \(6, 3, 4, 1\)$"),
        ((6, 3, 7), r"^inputs must have shape \(time, batch, 4\), got \(6, 3, 7\)$"),
        ((0, 3, 4), r"^inputs must have at least 1 time step, got \(0, 3, 4\)$"),
    ],
)
def test_wrong_inputs_are_named(cell_type, shape, complaint):
    with pytest.raises(ValueError, match=complaint):
        cell_type(4, 5)(torch.zeros(shape))


@every_cell
def test_wrong_places_are_named(cell_type):
    complaint = r"^inputs must have shape \(time, batch\), got \(6, 3, 4\)$"
    with pytest.raises(ValueError, match=complaint):
        cell_type(4, 5)(torch.zeros(6, 3, 4, dtype=torch.int64))
    with pytest.raises(IndexError):
        cell_type(4, 5)(torch.full((6, 3), 4))


def entries(layer):
    """All ways into a layer or a stack, given a sequence: by its first step, too."""
    found = [layer, lambda inputs, state: layer.step(inputs[0], state)]
    return [*found, layer.last_state] if isinstance(layer, Recurrent) else found


WRONG_STATES = {
    "one for all": lambda right: [each[:1] for each in right],
    "too many examples": lambda right: [torch.cat((each, each)) for each in right],
    "one unit for all": lambda right: [each[:, :1] for each in right],
    "one row": lambda right: [each[0] for each in right],
    "another axis": lambda right: [each[None] for each in right],
    "too many": lambda right: [*right, right[0]],
    "none": lambda right: [],
    "the last is wrong": lambda right: [*right[:-1], right[-1][:1]],
}


@every_cell
@pytest.mark.parametrize("wrong", WRONG_STATES)
@pytest.mark.parametrize("backend", ["auto", "loop"])
def test_wrong_states_are_named(cell_type, wrong, backend):
    layers = [cell_type(size, 5, backend=backend) for size in (4, 5)]
    for layer in (layers[0], Stack(layers)):
        state = tuple(WRONG_STATES[wrong](layer.initial_state(3)))
        for inputs in (torch.zeros(6, 3, 4), torch.zeros(6, 3, dtype=torch.int64)):
            for entry in entries(layer):
                with pytest.raises(ValueError, match="^state must have .*, got "):
                    entry(inputs, state)


@every_cell
@pytest.mark.parametrize("backend", ["auto", "loop"])
def test_a_state_of_another_type_is_refused(cell_type, backend):
    layer = cell_type(4, 5, backend=backend)
    right = layer.initial_state(3)
    for place in range(len(right)):
        state = tuple(each.double() if k == place else each for k, each in enumerate(right))
        for entry in entries(layer):
            with pytest.raises(ValueError, match="^state must be of the type of the weights"):
                entry(torch.zeros(6, 3, 4), state)


@every_cell
def test_wrong_inputs_of_a_step_are_named(cell_type):
    layer = cell_type(4, 5)
    for shape in ((4,), (1, 3, 4), (3, 1)):
        with pytest.raises(ValueError, match=r"^inputs must have shape \(batch, 4\), got"):
            layer.step(torch.zeros(shape), layer.initial_state(3))
    with pytest.raises(ValueError, match=r"^inputs must have shape \(batch\), got \(3, 1\)$"):
        layer.step(torch.zeros(3, 1, dtype=torch.int64), layer.initial_state(3))


@every_cell
@pytest.mark.parametrize("backend", ["auto", "loop", "torch"])
def test_whole_numbers_of_any_width_are_the_same_places(cell_type, backend):
    if backend == "torch" and cell_type is RRN:
        pytest.skip("torch has no RRN")
    layer = cell_type(4, 5, backend=backend)
    places = torch.randint(4, (6, 3))
    expected, expected_last = layer(places)
    stepped, _ = layer.step(places[0], layer.initial_state(3))
    for name in ("int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64"):
        narrow = places.to(getattr(torch, name))
        hidden, last = layer(narrow)
        assert torch.equal(hidden, expected), name
        for one, other in zip(layer.last_state(narrow), expected_last, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)
        assert torch.equal(layer.step(narrow[0], layer.initial_state(3))[0], stepped)
        with pytest.raises(IndexError):
            layer(torch.full((2, 3), 4).to(narrow.dtype))
        with pytest.raises(IndexError):
            layer.step(torch.full((3,), 4).to(narrow.dtype), layer.initial_state(3))
    for dtype in (torch.bool, torch.complex64):
        for entry in entries(layer):
            with pytest.raises(ValueError, match="^inputs must be real or whole numbers, got"):
                entry(places.to(dtype), layer.initial_state(3))


@every_cell
@pytest.mark.parametrize("size", [0, -3])
def test_wrong_sizes_are_named(cell_type, size):
    with pytest.raises(ValueError, match=rf"^input_size must be at least 1, got {size}$"):
        cell_type(size, 5)
    with pytest.raises(ValueError, match=rf"^hidden_size must be at least 1, got {size}$"):
        cell_type(4, size)


@every_cell
def test_unknown_initialization_is_named(cell_type):
    with pytest.raises(ValueError, match="unknown initialization 'xaver', did you mean 'xavier'"):
        cell_type(4, 5, initialization="xaver")


def test_a_cell_without_a_step_cannot_be_made():
    class Unfinished(Recurrent):
        gate_blocks = 1
        state_tensors = 1

    with pytest.raises(TypeError, match="abstract"):
        Unfinished(4, 5)


def test_prints_its_arguments():
    assert repr(RNN(4, 5, "study")) == "RNN(4, 5, initialization='study')"
