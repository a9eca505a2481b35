"""The graph convolution with cells against loops over nodes, how far it reaches, and its depth."""

import math

import pytest
import torch
import torch.nn.functional as F

from layers import CellGraphConvolution, GraphConvolution, Sparse, normalized_adjacency

# Node 5 has no neighbours.
EDGES = torch.tensor([[0, 0, 1, 2, 3, 6], [1, 2, 2, 3, 4, 4]])
NODES = 7


def adjacency_of(edges, num_nodes):
    adjacency = normalized_adjacency(edges, num_nodes)
    return adjacency._replace(values=adjacency.values.double())


def path(num_nodes):
    ends = torch.arange(num_nodes - 1)
    return adjacency_of(torch.stack([ends, ends + 1]), num_nodes)


def one_node_at_a_time(layer, hidden, cell, first):
    """The equations, from the list of edges, one number of one node after the other."""
    n = layer.hidden_size
    heard = {node: {node} for node in range(NODES)}
    for one, other in EDGES.t().tolist():
        heard[one].add(other)
        heard[other].add(one)
    W_i, W_f, W_o = layer.weight_ih[:n], layer.weight_ih[n : 2 * n], layer.weight_ih[2 * n :]
    b_i, b_f, b_o = layer.bias[:n], layer.bias[n : 2 * n], layer.bias[2 * n :]
    new_hidden, new_cell = [], []
    for node in range(NODES):
        message = layer.restart * first[node]
        for other in heard[node]:
            weight = 1 / math.sqrt(len(heard[node]) * len(heard[other]))
            message = message + (1 - layer.restart) * weight * hidden[other]
        for k in range(n):
            i = 1 / (1 + torch.exp(-(W_i[k] * message).sum() - b_i[k]))
            f = 1 / (1 + torch.exp(-(W_f[k] * message).sum() - b_f[k]))
            o = 1 / (1 + torch.exp(-(W_o[k] * message).sum() - b_o[k]))
            c = i * message[k] + f * cell[node, k]
            new_cell.append(c)
            new_hidden.append(o * (torch.exp(2 * c) - 1) / (torch.exp(2 * c) + 1))
    return torch.stack(new_hidden).view(NODES, n), torch.stack(new_cell).view(NODES, n)


def drawn(layer):
    return tuple(
        torch.randn(NODES, layer.hidden_size, dtype=torch.float64, requires_grad=True)
        for _ in range(3)
    )


@pytest.mark.parametrize("restart", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("hidden_size, initialization", [(1, "torch"), (4, "study"), (5, "xavier")])
def test_equals_loops_over_nodes(hidden_size, initialization, restart):
    layer = CellGraphConvolution(hidden_size, restart, initialization=initialization).double()
    inputs, parameters = drawn(layer), tuple(layer.parameters())
    with torch.no_grad():
        layer.bias.add_(torch.randn_like(layer.bias))
    ours = layer(*inputs, adjacency_of(EDGES, NODES))
    theirs = one_node_at_a_time(layer, *inputs)
    torch.testing.assert_close(ours, theirs)
    weighing = [torch.randn_like(output) for output in ours]
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs + parameters, weighing),
        torch.autograd.grad(theirs, inputs + parameters, weighing),
    )


def test_gradients_by_finite_differences():
    layer = CellGraphConvolution(3, 0.2).double()
    adjacency = adjacency_of(EDGES, NODES)

    def run(hidden, cell, first, weight_ih, bias):
        by_name = {"weight_ih": weight_ih, "bias": bias}
        return torch.func.functional_call(layer, by_name, (hidden, cell, first, adjacency))

    assert torch.autograd.gradcheck(run, (*drawn(layer), layer.weight_ih, layer.bias))


def walk(layer, first, cell, adjacency, depth):
    """What the nodes show after each of a number of layers, from what they have in their cells."""
    hidden = first
    shown = []
    for _ in range(depth):
        hidden, cell = layer(hidden, cell, first, adjacency)
        shown.append(hidden)
    return shown


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_reaches_as_many_hops_as_layers_and_no_further(depth):
    num_nodes, middle = 15, 7
    first = torch.randn(num_nodes, 4, dtype=torch.float64, requires_grad=True)
    layer, empty = CellGraphConvolution(4).double(), torch.zeros_like(first)
    last = walk(layer, first, empty, path(num_nodes), depth)[-1]
    (gradient,) = torch.autograd.grad(last[middle].sum(), first)
    hops = (torch.arange(num_nodes) - middle).abs()
    assert torch.equal(gradient.abs().sum(1) != 0, hops <= depth)


def test_cells_are_private():
    layer = CellGraphConvolution(4).double()
    hidden, cell, first = drawn(layer)
    outputs = layer(hidden, cell, first, adjacency_of(EDGES, NODES))
    weighing = [torch.randn_like(output[0]) for output in outputs]
    for leaf in (cell, first):
        (gradient,) = torch.autograd.grad(
            [output[0] for output in outputs], leaf, weighing, retain_graph=True
        )
        assert gradient[0].all() and not gradient[1:].any()


def test_a_node_without_neighbours_goes_its_own_way():
    layer = CellGraphConvolution(4).double()
    hidden, cell, first = drawn(layer)
    outputs = layer(hidden, cell, first, adjacency_of(EDGES, NODES))
    alone = layer(hidden[5:6], cell[5:6], first[5:6], adjacency_of(EDGES[:, :0], 1))
    torch.testing.assert_close(tuple(output[5:6] for output in outputs), alone)


def test_open_forget_gates_and_shut_input_gates_keep_the_cells():
    layer = CellGraphConvolution(4, forget_bias=100.0).double()
    hidden, cell, first = drawn(layer)
    _, kept = layer(hidden, cell, first, adjacency_of(EDGES, NODES))
    torch.testing.assert_close(kept, cell)


def distance_between_nodes(features):
    """The mean of 1 - cosine over all pairs of nodes, 0 if all are alike but for their length."""
    directions = F.normalize(features, dim=1)
    return 1 - (directions @ directions.t()).mean().item()


def test_nodes_stay_apart_at_a_depth_where_those_of_the_plain_convolution_are_alike():
    num_nodes, depth = 60, 64
    edges = torch.randint(num_nodes, (2, 4 * num_nodes))
    adjacency = adjacency_of(edges, num_nodes)
    first = torch.randn(num_nodes, 16, dtype=torch.float64)
    plain = first
    for _ in range(depth):
        plain = GraphConvolution(16, 16, torch.tanh).double()(plain, adjacency)
    assert distance_between_nodes(plain) < 1e-5

    shown = walk(
        CellGraphConvolution(16).double(), first, torch.zeros_like(first), adjacency, depth
    )
    assert distance_between_nodes(shown[-1]) > 0.1
    # Nor have the nodes fallen silent.
    assert shown[-1].norm() > 0.05 * first.norm()

    # Cells that remember do it without a restart.
    remembering = CellGraphConvolution(16, restart=0.0, forget_bias=math.log(depth)).double()
    shown = walk(remembering, first, first, adjacency, depth)
    assert distance_between_nodes(shown[-1]) > 0.1


@pytest.mark.parametrize("initialization", ["study", "torch"])
def test_biases_move_as_asked(initialization):
    torch.manual_seed(3)
    plain = CellGraphConvolution(5, 0.1, 0.0, 0.0, initialization)
    torch.manual_seed(3)
    moved = CellGraphConvolution(5, 0.1, 1.5, 2.5, initialization)
    assert torch.equal(moved.weight_ih, plain.weight_ih)
    expected = torch.tensor([-1.5, 1.5, 2.5]).repeat_interleave(5)
    torch.testing.assert_close(moved.bias - plain.bias, expected)
    moved.reset_parameters()
    moved.reset_parameters()
    assert (moved.bias - expected).abs().max() < 2


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(hidden_size=0), "hidden_size must be at least 1, got 0"),
        (dict(hidden_size=2, restart=1.5), "restart must be from 0 to 1, got 1.5"),
        (dict(hidden_size=2, restart=-0.1), "restart must be from 0 to 1, got -0.1"),
        (dict(hidden_size=2, initialization="none"), "unknown initialization 'none'"),
    ],
)
def test_refuses_what_makes_no_layer(arguments, message):
    with pytest.raises(ValueError, match=message):
        CellGraphConvolution(**arguments)


@pytest.mark.parametrize("wrong", ["cell", "first", "adjacency"])
@pytest.mark.parametrize("rows", [1, 3])
def test_what_would_be_spread_over_all_nodes_is_refused(wrong, rows):
    right = {"hidden": torch.ones(4, 2), "cell": torch.ones(4, 2), "first": torch.ones(4, 2)}
    right["adjacency"] = torch.eye(4)

    def forward(given):
        return CellGraphConvolution(2)(
            **given | {"adjacency": Sparse.from_dense(given["adjacency"])}
        )

    forward(right)
    with pytest.raises(ValueError, match=r"must be (as large as the hidden, \(4, 2\)|of 4 nodes)"):
        forward(right | {wrong: right[wrong][:rows]})
