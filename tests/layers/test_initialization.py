"""The first weights: their distributions, gate by gate, against the papers' formulas."""

import math

import pytest
import torch
from torch import nn

from layers import GRU, INITIALIZATIONS, LSTM, RNN, RRN, initialize
from layers.initialization import register

CELLS = [RNN, LSTM, RRN, GRU]
# Those by which every weight is drawn.
DRAWN = ["study", "xavier", "orthogonal", "torch"]
D, H, CLASSES = 40, 128, 10

every_cell = pytest.mark.parametrize("cell_type", CELLS)


def weights_by_gate(cell):
    """Every gate's input weight (H, D) and recurrent weight (H, H)."""
    return [*cell.weight_ih.split(cell.hidden_size), *cell.weight_hh.split(cell.hidden_size)]


def output_layer(name):
    layer = nn.Linear(H, CLASSES)
    initialize(layer, name, H)
    return layer


def biases(module):
    return [parameter for name, parameter in module.named_parameters() if "bias" in name]


def assert_moments(sample, std, fourth_moment):
    """Mean 0 and this std, within 5 standard errors; kurtosis tells a normal from a uniform."""
    x, n = sample.detach().double().flatten(), sample.numel()
    assert abs(x.mean()) < 5 * std / math.sqrt(n)
    error_of_variance = std**2 * math.sqrt((fourth_moment - 1) / n)
    assert abs(x.pow(2).mean() - std**2) < 5 * error_of_variance
    assert abs((x / std).pow(4).mean() - fourth_moment) < 5 * math.sqrt(96 / n)


def assert_normal(sample, std):
    assert_moments(sample, std, fourth_moment=3)


def assert_uniform(sample, bound):
    assert_moments(sample, bound / math.sqrt(3), fourth_moment=1.8)
    assert 0.98 * bound < sample.abs().max() <= bound


def assert_orthogonal(matrix):
    """Orthonormal rows or columns, whichever are fewer."""
    short = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    product = short @ short.T
    torch.testing.assert_close(product, torch.eye(len(product)), atol=1e-5, rtol=0)


def test_names():
    assert [*INITIALIZATIONS] == [*DRAWN, "identity", "chrono", "latch"]


@every_cell
def test_study(cell_type):
    cell = cell_type(D, H, "study")
    for weight in (*weights_by_gate(cell), *output_layer("study").parameters()):
        assert_normal(weight, std=1 / H)
    assert_normal(torch.cat([bias.flatten() for bias in biases(cell)]), std=1 / H)


@every_cell
def test_xavier(cell_type):
    cell = cell_type(D, H, "xavier")
    for weight in (*weights_by_gate(cell), output_layer("xavier").weight):
        assert_uniform(weight, bound=math.sqrt(6 / sum(weight.shape)))


@every_cell
@pytest.mark.parametrize("hidden_size", [1, 6, 128])
def test_orthogonal(cell_type, hidden_size):
    cell = cell_type(D, hidden_size, "orthogonal")
    gates = cell.weight_hh.split(hidden_size)
    for gate in gates:
        assert_orthogonal(gate)
    if hidden_size > 1:
        assert len({tuple(gate.flatten().tolist()) for gate in gates}) == len(gates)


@every_cell
def test_orthogonal_draws_input_weights_as_xavier(cell_type):
    cell = cell_type(D, H, "orthogonal")
    for weight in cell.weight_ih.split(H):
        assert_uniform(weight, bound=math.sqrt(6 / (D + H)))


@pytest.mark.parametrize("n, classes", [(128, 10), (5, 10), (7, 7)])
def test_orthogonal_output_is_one_block(n, classes):
    layer = nn.Linear(n, classes)
    initialize(layer, "orthogonal", n)
    assert_orthogonal(layer.weight)


@every_cell
def test_torch(cell_type):
    cell = cell_type(D, H, "torch")
    bound = 1 / math.sqrt(H)
    for weight in (*weights_by_gate(cell), output_layer("torch").weight):
        assert_uniform(weight, bound)
    for bias in biases(cell):
        for gate in bias.split(H):
            assert 0.9 * bound < gate.abs().max() <= bound
    assert 0 < output_layer("torch").bias.abs().max() <= bound


@every_cell
def test_default_is_torch(cell_type):
    torch.manual_seed(1)
    default = cell_type(3, 4)
    torch.manual_seed(1)
    named = cell_type(3, 4, "torch")
    assert default.initialization == "torch"
    assert torch.equal(default.weight_hh, named.weight_hh)


@every_cell
@pytest.mark.parametrize("name", ["xavier", "orthogonal"])
def test_biases_are_zero(cell_type, name):
    for bias in (*biases(cell_type(3, 4, name)), output_layer(name).bias):
        assert not bias.any()


@every_cell
@pytest.mark.parametrize("name", DRAWN)
def test_seed_decides(cell_type, name):
    def drawn(seed):
        torch.manual_seed(seed)
        return cell_type(3, 4, name).state_dict()

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["weight_hh"], other["weight_hh"])


@every_cell
@pytest.mark.parametrize("name", [*DRAWN, "identity", "latch"])
def test_reset_draws_anew(cell_type, name):
    cell = cell_type(3, 4, name)
    before = cell.weight_ih.clone()
    cell.reset_parameters()
    assert not torch.equal(cell.weight_ih, before)
    assert all(parameter.requires_grad for parameter in cell.parameters())


def test_reaches_modules_inside_and_spares_gains():
    network = nn.Sequential(LSTM(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    with torch.no_grad():
        network[1].bias.fill_(9)
    initialize(network, "orthogonal", 4)
    for gate in network[0].weight_hh.split(4):
        assert_orthogonal(gate)
    assert_orthogonal(network[2].weight)
    assert torch.equal(network[1].weight, torch.ones(4))
    assert not network[1].bias.any()


def test_a_new_one_is_one_function(monkeypatch):
    monkeypatch.setattr("layers.initialization.INITIALIZATIONS", dict(INITIALIZATIONS))

    @register("constant")
    def constant(block, role, hidden_size):
        nn.init.constant_(block, hidden_size)

    assert all((parameter == 4).all() for parameter in GRU(3, 4, "constant").parameters())


@pytest.mark.parametrize(
    "wrong, nearest", [("ortogonal", "orthogonal"), ("STUDY", "study"), ("pytorch", "torch")]
)
def test_unknown_name_gets_the_nearest_and_all(wrong, nearest):
    complaint = (
        f"^unknown initialization '{wrong}', did you mean '{nearest}'\\? "
        "Choose from study, xavier, orthogonal, torch, identity, chrono, latch$"
    )
    with pytest.raises(ValueError, match=complaint):
        initialize(nn.Linear(3, 4), wrong, 4)


@pytest.mark.parametrize("wrong", ["zzz", "", None])
def test_a_name_like_no_other_is_still_answered(wrong):
    with pytest.raises(ValueError, match=f"^unknown initialization {wrong!r}, did you mean"):
        initialize(nn.Linear(3, 4), wrong, 4)


@pytest.mark.parametrize("hidden_size", [0, 3])
def test_hidden_size_must_be_that_of_the_gates(hidden_size):
    complaint = f"^weights of 8 rows have no gates of hidden_size {hidden_size}$"
    with pytest.raises(ValueError, match=complaint):
        initialize(RRN(3, 4), "orthogonal", hidden_size)
