"""The graph convolution against PyG's, against dense products, and how far it reaches."""

import math

import pytest
import torch
from torch_geometric.nn import GCNConv

from layers import GraphConvolution, Sparse, normalized_adjacency

N = 12
BOTH_ORDERS = pytest.mark.parametrize("D, D_out", [(5, 2), (2, 5), (3, 3), (4, 1), (1, 4)])


def doubles(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def with_random_bias(layer):
    """So that a bias of zeros hides nothing."""
    if layer.bias is not None:
        torch.nn.init.normal_(layer.bias)
    return layer.double()


def assert_close(ours, theirs):
    """As near as an adjacency in float32 allows."""
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bias", [True, False])
@BOTH_ORDERS
def test_equals_pyg_in_value_and_gradients(D, D_out, bias, draw_graph):
    layer = with_random_bias(GraphConvolution(D, D_out, bias=bias))
    twin = GCNConv(D, D_out, bias=bias).double()
    weights = {"lin.weight": layer.weight.t()} | ({"bias": layer.bias} if bias else {})
    twin.load_state_dict(weights)
    edges, features = draw_graph(N, 20), doubles(N, D)

    adjacency = normalized_adjacency(edges, N)
    output = layer(features, adjacency._replace(values=adjacency.values.double()))
    expected = twin(features, edges)
    assert_close(output, expected)

    weighing = torch.randn_like(output)
    ours = torch.autograd.grad(output, (features, *layer.parameters()), weighing)
    twins = (features, twin.lin.weight, *((twin.bias,) if bias else ()))
    of_features, of_weight, *of_bias = torch.autograd.grad(expected, twins, weighing)
    assert_close(ours, (of_features, of_weight.t(), *of_bias))


def test_two_layers_equal_pyg(draw_graph, adjacency_of):
    layers = [with_random_bias(GraphConvolution(*sizes)) for sizes in ((6, 4), (4, 3))]
    twins = [GCNConv(6, 4).double(), GCNConv(4, 3).double()]
    for layer, twin in zip(layers, twins, strict=True):
        twin.load_state_dict({"lin.weight": layer.weight.t(), "bias": layer.bias})
    edges, features = draw_graph(N, 20), doubles(N, 6)
    adjacency, _ = adjacency_of(edges, N)
    ours = layers[1](layers[0](features, adjacency).relu(), adjacency)
    theirs = twins[1](twins[0](features, edges).relu(), edges)
    assert_close(ours, theirs)
    weighing = torch.randn_like(ours)
    assert_close(
        torch.autograd.grad(ours, features, weighing),
        torch.autograd.grad(theirs, features, weighing),
    )


@BOTH_ORDERS
def test_equals_the_dense_formula(D, D_out, draw_graph, adjacency_of):
    layer = with_random_bias(GraphConvolution(D, D_out, activation=torch.tanh))
    adjacency, dense = adjacency_of(draw_graph(N, 20), N)
    features = doubles(N, D)
    expected = torch.tanh(dense @ features @ layer.weight + layer.bias)
    assert_close(layer(features, adjacency), expected)


@BOTH_ORDERS
def test_sparse_features_are_as_good_as_dense_ones(D, D_out, draw_graph, adjacency_of):
    layer = with_random_bias(GraphConvolution(D, D_out))
    adjacency, dense = adjacency_of(draw_graph(N, 20), N)
    features = doubles(N, D).detach() * (torch.rand(N, D) < 0.4)
    output = layer(Sparse.from_dense(features), adjacency)
    expected = dense @ (features @ layer.weight) + layer.bias
    assert_close(output, expected)
    weighing = torch.randn_like(output)
    assert_close(
        torch.autograd.grad(output, layer.parameters(), weighing),
        torch.autograd.grad(expected, layer.parameters(), weighing),
    )


@pytest.mark.parametrize("D, D_out, carried", [(5, 2, 2), (2, 5, 2), (3, 3, 3), (1, 9, 1)])
def test_the_narrower_features_travel_along_the_edges(
    D, D_out, carried, draw_graph, adjacency_of, monkeypatch
):
    from layers.graph_convolution import multiply

    widths = []

    def watched(left, right):
        if left is adjacency:
            widths.append(right.shape[1])
        return multiply(left, right)

    monkeypatch.setattr("layers.graph_convolution.multiply", watched)
    adjacency, _ = adjacency_of(draw_graph(N, 20), N)
    GraphConvolution(D, D_out).double()(doubles(N, D), adjacency)
    assert widths == [carried]


def test_gradients_by_finite_differences(draw_graph, adjacency_of):
    adjacency, _ = adjacency_of(draw_graph(6, 6), 6)
    for D, D_out in ((3, 2), (2, 3)):
        layer = with_random_bias(GraphConvolution(D, D_out, activation=torch.tanh))

        def run(features, weight, bias, layer=layer):
            parameters = {"weight": weight, "bias": bias}
            return torch.func.functional_call(layer, parameters, (features, adjacency))

        assert torch.autograd.gradcheck(run, (doubles(6, D), layer.weight, layer.bias))


@pytest.mark.parametrize("normalization", ["symmetric", "row", "binary"])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", ["path", "random"])
def test_n_layers_reach_exactly_n_hops(shape, n, normalization, draw_graph, assert_reaches):
    nodes = torch.arange(N)
    path = torch.stack([nodes[:-1], nodes[1:]])
    edges = torch.cat([path, path.flip(0)], 1) if shape == "path" else draw_graph(N, 10)
    adjacency = normalized_adjacency(edges, N, normalization)
    adjacency = adjacency._replace(values=adjacency.values.double())
    # Wider and narrower, so that both orders of the products occur. A ReLU could end a path.
    sizes = (2, 4, 3, 5, 2)[: n + 1]
    layers = [
        GraphConvolution(*pair, activation=torch.tanh).double()
        for pair in zip(sizes, sizes[1:], strict=False)
    ]

    def network(features):
        for layer in layers:
            features = layer(features, adjacency)
        return features

    # Small inputs, where tanh is steep.
    assert_reaches(network, 0.1 * doubles(N, 2).detach(), edges, n)


def test_the_activation_comes_last(draw_graph, adjacency_of):
    adjacency, dense = adjacency_of(draw_graph(N, 20), N)
    layer = with_random_bias(GraphConvolution(3, 2, activation=torch.relu))
    features = doubles(N, 3)
    expected = (dense @ features @ layer.weight + layer.bias).clamp(min=0)
    assert (expected == 0).any() and (expected > 0).any()
    assert_close(layer(features, adjacency), expected)


def test_xavier_is_the_default():
    torch.manual_seed(1)
    layer = GraphConvolution(300, 200)
    bound = math.sqrt(6 / 500)
    assert 0.99 * bound < layer.weight.abs().max() <= bound
    assert abs(layer.weight.var() / (bound**2 / 3) - 1) < 0.05
    assert not layer.bias.any()


def test_n_of_an_initialization_is_the_input_size():
    layer = GraphConvolution(400, 100, initialization="torch")
    assert 0.99 / 20 < layer.weight.abs().max() <= 1 / 20
    assert 0.8 / 20 < layer.bias.abs().max() <= 1 / 20


def test_reset_draws_anew():
    layer = GraphConvolution(4, 3)
    before = layer.weight.clone()
    layer.reset_parameters()
    assert not torch.equal(layer.weight, before)


@pytest.mark.parametrize("bias, count", [(True, 8), (False, 6)])
def test_has_no_parameters_but_weight_and_bias(bias, count):
    layer = GraphConvolution(3, 2, bias=bias)
    assert sum(parameter.numel() for parameter in layer.parameters()) == count


@pytest.mark.parametrize("size", [0, -1])
@pytest.mark.parametrize("name", ["input_size", "output_size"])
def test_sizes_below_one_are_refused(name, size):
    sizes = {"input_size": 3, "output_size": 2} | {name: size}
    with pytest.raises(ValueError, match=f"^{name} must be at least 1, got {size}$"):
        GraphConvolution(**sizes)


def test_an_unknown_initialization_is_refused():
    with pytest.raises(ValueError, match="^unknown initialization 'xavjer', did you mean 'xavier'"):
        GraphConvolution(3, 2, initialization="xavjer")


@pytest.mark.parametrize("D, D_out", [(3, 2), (2, 3)])
def test_features_of_another_graph_are_refused(D, D_out, adjacency_of, draw_graph):
    adjacency, _ = adjacency_of(draw_graph(N, 20), N)
    with pytest.raises(ValueError, match=r"^a matrix \(12, 12\) cannot be multiplied with one"):
        GraphConvolution(D, D_out).double()(doubles(N + 1, D), adjacency)


def test_says_what_it_is():
    assert str(GraphConvolution(3, 2)) == "GraphConvolution(3, 2, initialization='xavier')"
