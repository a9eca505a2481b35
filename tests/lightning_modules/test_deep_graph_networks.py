"""GCNII and CellGCN on a small graph, against PyG's layers and dense products."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.nn import GCN2Conv

from layers import Sparse, normalized_adjacency
from lightning_modules import GCNII, CellGCN

NODES, FEATURES, CLASSES = 12, 5, 3


@pytest.fixture
def graph():
    torch.manual_seed(3)
    ends = torch.randint(NODES, (2, 20))
    ends = ends[:, ends[0] != ends[1]]
    edges = torch.unique(torch.cat([ends, ends.flip(0)], dim=1), dim=1)
    adjacency = normalized_adjacency(edges, NODES)
    features = torch.rand(NODES, FEATURES, dtype=torch.float64)
    return SimpleNamespace(
        edges=edges,
        dense=features,
        features=Sparse.from_dense(features),
        adjacency=adjacency._replace(values=adjacency.values.double()),
        labels=torch.randint(CLASSES, (NODES,)),
        training=torch.tensor([0, 1, 2, 3]),
        validation=torch.tensor([4, 5, 6]),
        test=torch.tensor([7, 8]),
    )


def make(network, **settings):
    model = network(num_features=FEATURES, num_classes=CLASSES, hidden_size=4, **settings)
    return model.double().eval()


@pytest.mark.parametrize("num_layers, alpha, lam", [(1, 0.1, 0.5), (5, 0.3, 1.5)])
def test_gcnii_equals_a_network_of_pyg(graph, num_layers, alpha, lam):
    ours = make(GCNII, num_layers=num_layers, alpha=alpha, lam=lam)
    first = (graph.dense @ ours.first.weight + ours.first.bias).relu()
    hidden = first
    for layer, convolution in enumerate(ours.convolutions, 1):
        theirs = GCN2Conv(4, alpha, theta=lam, layer=layer).double()
        theirs.weight1 = convolution.weight
        hidden = theirs(hidden, first, graph.edges).relu()
    logits = hidden @ ours.readout.weight + ours.readout.bias
    torch.testing.assert_close(ours(graph), logits, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("first_cell", ["empty", "features"])
@pytest.mark.parametrize("num_layers, restart", [(1, 0.1), (4, 0.0), (4, 0.3)])
def test_cell_gcn_equals_dense_products(graph, num_layers, restart, first_cell):
    ours = make(CellGCN, num_layers=num_layers, restart=restart, first_cell=first_cell)
    a_hat = graph.adjacency.to_dense()
    first = hidden = F.relu(graph.dense @ ours.first.weight + ours.first.bias)
    cell = first if first_cell == "features" else 0 * first
    w_i, w_f, w_o = ours.convolution.weight_ih.chunk(3)
    b_i, b_f, b_o = ours.convolution.bias.chunk(3)
    for _ in range(num_layers):
        message = (1 - restart) * a_hat @ hidden + restart * first
        kept = torch.sigmoid(message @ w_f.t() + b_f) * cell
        cell = torch.sigmoid(message @ w_i.t() + b_i) * message + kept
        hidden = torch.sigmoid(message @ w_o.t() + b_o) * torch.tanh(cell)
    logits = hidden @ ours.readout.weight + ours.readout.bias
    torch.testing.assert_close(ours(graph), logits)


def test_the_parameters_of_cell_gcn_do_not_grow_with_its_depth():
    counts = {
        sum(p.numel() for p in make(CellGCN, num_layers=depth).parameters()) for depth in (1, 9)
    }
    assert counts == {(FEATURES + 1) * 4 + 3 * 4 * (4 + 1) + (4 + 1) * CLASSES}


@pytest.mark.parametrize("forget_bias, expected", [(None, math.log(16)), (2.0, 2.0)])
def test_a_cell_remembers_as_many_layers_as_asked_for(forget_bias, expected):
    model = make(CellGCN, num_layers=16, forget_bias=forget_bias)
    _, b_f, _ = model.convolution.bias.chunk(3)
    torch.testing.assert_close(b_f, torch.full_like(b_f, expected))


@pytest.mark.parametrize("network", [GCNII, CellGCN])
def test_dropout_acts_while_training_alone(graph, network):
    model = make(network, dropout=0.5)
    assert torch.equal(model(graph), model(graph))
    model.train()
    assert not torch.equal(model(graph), model(graph))


def test_the_convolutions_of_gcnii_have_a_decay_of_their_own():
    model = make(GCNII, num_layers=2, convolution_decay=0.25)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    torch.optim.SGD(model.parameter_groups(), lr=1.0, weight_decay=0.5).step()
    for name, weight in model.named_parameters():
        share = 0.75 if name.startswith("convolutions") else 0.5
        torch.testing.assert_close(weight.detach(), share * before[name])


@pytest.mark.parametrize(
    "network, settings, words",
    [
        (GCNII, {"num_layers": 0}, "num_layers must be at least 1, got 0"),
        (GCNII, {"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
        (GCNII, {"alpha": 2.0}, "alpha must be between 0 and 1, got 2.0"),
        (GCNII, {"convolution_decay": -1.0}, "convolution_decay must be at least 0, got -1.0"),
        (CellGCN, {"num_layers": 0}, "num_layers must be at least 1, got 0"),
        (CellGCN, {"restart": -0.1}, "restart must be from 0 to 1, got -0.1"),
        (CellGCN, {"first_cell": "full"}, "first_cell must be empty or features, got 'full'"),
    ],
)
def test_settings_out_of_their_range_are_refused(network, settings, words):
    with pytest.raises(ValueError, match=words):
        make(network, **settings)


@pytest.mark.parametrize("network", [CellGCN, GCNII])
def test_a_hidden_size_below_1_is_told_by_its_name(network):
    with pytest.raises(ValueError, match="^hidden_size must be at least 1, got 0$"):
        network(hidden_size=0)
