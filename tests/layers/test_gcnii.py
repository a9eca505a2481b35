"""GCNII's convolution against PyG's, against its equation with dense matrices, and its reach."""

import math

import pytest
import torch
from torch_geometric.nn import GCN2Conv

from layers import GCNIIConvolution, Sparse

N, D = 12, 5
SETTINGS = pytest.mark.parametrize(
    "layer, alpha, lam",
    [(1, 0.1, 0.5), (2, 0.1, 0.5), (7, 0.2, 1.0), (64, 0.5, 1.5), (1, 0.9, 1.5), (3, 0.0, 0.6)],
)


def doubles(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def assert_close(ours, theirs):
    """As near as an adjacency in float32 allows."""
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@SETTINGS
def test_equals_pyg_in_value_and_gradients(layer, alpha, lam, draw_graph, adjacency_of):
    ours = GCNIIConvolution(D, layer, alpha, lam).double()
    twin = GCN2Conv(D, alpha, theta=lam, layer=layer).double()
    twin.load_state_dict({"weight1": ours.weight})
    edges, features, first = draw_graph(N, 20), doubles(N, D), doubles(N, D)

    output = ours(features, first, adjacency_of(edges, N)[0])
    expected = twin(features, first, edges)
    assert_close(output, expected)
    weighing = torch.randn_like(output)
    assert_close(
        torch.autograd.grad(output, (features, first, ours.weight), weighing),
        torch.autograd.grad(expected, (features, first, twin.weight1), weighing),
    )


@SETTINGS
def test_equals_equation_5(layer, alpha, lam, draw_graph, adjacency_of):
    ours = GCNIIConvolution(D, layer, alpha, lam, activation=torch.relu).double()
    adjacency, dense = adjacency_of(draw_graph(N, 20), N)
    features, first = doubles(N, D), doubles(N, D)
    beta = math.log(lam / layer + 1)
    map_ = (1 - beta) * torch.eye(D, dtype=torch.float64) + beta * ours.weight
    expected = (((1 - alpha) * dense @ features + alpha * first) @ map_).clamp(min=0)
    assert (expected == 0).any() and (expected > 0).any()
    assert_close(ours(features, first, adjacency), expected)


def test_defaults_are_those_of_the_paper_for_cora():
    layer = GCNIIConvolution(D, 1)
    assert (layer.alpha, layer.lam) == (0.1, 0.5)


def test_gradients_by_finite_differences(draw_graph, adjacency_of):
    adjacency, _ = adjacency_of(draw_graph(6, 6), 6)
    layer = GCNIIConvolution(3, 2, activation=torch.tanh).double()

    def run(features, first, weight):
        inputs = (features, first, adjacency)
        return torch.func.functional_call(layer, {"weight": weight}, inputs)

    assert torch.autograd.gradcheck(run, (doubles(6, 3), doubles(6, 3), layer.weight))


def test_what_it_is_given_stays_as_it_was(draw_graph, adjacency_of):
    """PyG's works in place, on what it made itself."""
    adjacency, _ = adjacency_of(draw_graph(N, 20), N)
    features, first = doubles(N, D).detach(), doubles(N, D).detach()
    before = features.clone(), first.clone()
    GCNIIConvolution(D, 1).double()(features, first, adjacency)
    assert torch.equal(features, before[0]) and torch.equal(first, before[1])


def test_with_lambda_zero_the_weight_has_no_say(draw_graph, adjacency_of):
    adjacency, dense = adjacency_of(draw_graph(N, 20), N)
    features, first = doubles(N, D), doubles(N, D)
    layer = GCNIIConvolution(D, 3, alpha=0.25, lam=0).double()
    assert_close(layer(features, first, adjacency), 0.75 * dense @ features + 0.25 * first)


def test_with_alpha_one_only_the_first_features_are_left(draw_graph, adjacency_of):
    adjacency, _ = adjacency_of(draw_graph(N, 20), N)
    features, first = doubles(N, D), doubles(N, D)
    layer = GCNIIConvolution(D, 1, alpha=1, lam=math.e - 1).double()
    assert_close(layer(features, first, adjacency), first @ layer.weight)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", ["path", "random"])
def test_n_layers_reach_exactly_n_hops(shape, n, draw_graph, adjacency_of, assert_reaches):
    nodes = torch.arange(N)
    path = torch.stack([nodes[:-1], nodes[1:]])
    edges = torch.cat([path, path.flip(0)], 1) if shape == "path" else draw_graph(N, 10)
    adjacency, _ = adjacency_of(edges, N)
    layers = [
        GCNIIConvolution(D, number, activation=torch.tanh).double() for number in range(1, n + 1)
    ]

    def network(first):
        features = first
        for layer in layers:
            features = layer(features, first, adjacency)
        return features

    assert_reaches(network, 0.1 * doubles(N, D).detach(), edges, n)


def test_xavier_is_the_default_as_in_pyg():
    layer = GCNIIConvolution(200, 1)
    bound = math.sqrt(6 / 400)
    assert 0.99 * bound < layer.weight.abs().max() <= bound
    assert abs(layer.weight.var() / (bound**2 / 3) - 1) < 0.05


def test_another_initialization_may_be_named():
    layer = GCNIIConvolution(6, 1, initialization="orthogonal").double()
    eye = torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(layer.weight @ layer.weight.t(), eye, rtol=0, atol=1e-6)


def test_reset_draws_anew():
    layer = GCNIIConvolution(4, 1)
    before = layer.weight.clone()
    layer.reset_parameters()
    assert not torch.equal(layer.weight, before)


@pytest.mark.parametrize(
    "wrong, complaint",
    [
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"layer": 0}, "layer must be at least 1, got 0"),
        ({"layer": -2}, "layer must be at least 1, got -2"),
        ({"alpha": -0.1}, "alpha must be between 0 and 1, got -0.1"),
        ({"alpha": 1.1}, "alpha must be between 0 and 1, got 1.1"),
        ({"alpha": math.nan}, "alpha must be between 0 and 1, got nan"),
        ({"lam": -0.5}, "lam must be a number from 0, got -0.5"),
        ({"lam": math.nan}, "lam must be a number from 0, got nan"),
        ({"lam": math.inf}, "lam must be a number from 0, got inf"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, complaint):
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        GCNIIConvolution(**({"size": 3, "layer": 1} | wrong))


def test_an_unknown_initialization_is_refused():
    with pytest.raises(ValueError, match="^unknown initialization 'glorot', did you mean"):
        GCNIIConvolution(3, 1, initialization="glorot")


@pytest.mark.parametrize("shape", [(N, D + 1), (1, D), (D,), (N + 1, D)])
def test_first_features_of_another_size_are_refused(shape, draw_graph, adjacency_of):
    """Some of them could be spread over all nodes."""
    adjacency, _ = adjacency_of(draw_graph(N, 20), N)
    complaint = r"^first must be as large as the features, \(12, 5\), got \("
    with pytest.raises(ValueError, match=complaint):
        GCNIIConvolution(D, 1).double()(doubles(N, D), doubles(*shape), adjacency)


def test_the_matrix_of_another_graph_is_refused():
    one_row = Sparse.from_dense(doubles(1, N))
    with pytest.raises(ValueError, match=r"^the matrix must be of 12 nodes, as the features, got"):
        GCNIIConvolution(D, 1).double()(doubles(N, D), doubles(N, D), one_row)


def test_says_what_it_is():
    expected = "GCNIIConvolution(8, layer=3, alpha=0.1, lam=0.5, initialization='xavier')"
    assert str(GCNIIConvolution(8, 3)) == expected
