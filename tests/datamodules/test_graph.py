"""The data module of one graph: features, Â, splits, and that it is the same at every step."""

from __future__ import annotations

from itertools import islice

import networkx as nx
import numpy as np
import pytest
import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.plugins import DoublePrecision
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch_geometric.data import Data

import datamodules.graph
from datamodules import Graph
from layers import Sparse
from tests.datamodules.places import on_device, one_line


def dense(matrix):
    return matrix.to_dense() if isinstance(matrix, Sparse) else matrix


def mask(*nodes, size=8):
    chosen = torch.zeros(size, dtype=torch.bool)
    chosen[list(nodes)] = True
    return chosen


def small_graph(**changes):
    """8 nodes of 2 classes; edges in both directions, one of them twice, and a loop."""
    edges = [(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (0, 1), (2, 2)]
    edge_index = torch.tensor(edges + [(other, one) for one, other in edges]).t()
    parts = {
        "x": torch.rand(8, 3, generator=torch.Generator().manual_seed(0)),
        "edge_index": edge_index,
        "y": torch.tensor([0, 1, 0, 1, 0, 1, 0, 1]),
        "train_mask": mask(0, 1),
        "val_mask": mask(2, 3),
        "test_mask": mask(4, 5, 6),
    }
    return Data(**{**parts, **changes})


@pytest.fixture
def graph_of(monkeypatch):
    """The data module of a graph that is made for a test."""

    def graph_of(data, **settings):
        monkeypatch.setattr(datamodules.graph, "read_node_set", lambda name, trusted: data)
        return Graph("Toy", **settings)

    return graph_of


# The batch


@pytest.mark.parametrize("normalization", ["symmetric", "row", "binary"])
def test_the_karate_club(normalization, no_network):
    data = Graph(adjacency=normalization)
    with_loops = nx.to_numpy_array(nx.karate_club_graph(), weight=None) + np.eye(34)
    degrees = with_loops.sum(axis=1)
    expected = {
        "symmetric": with_loops / np.sqrt(np.outer(degrees, degrees)),
        "row": with_loops / degrees[:, None],
        "binary": with_loops,
    }
    batch = data.graph
    np.testing.assert_allclose(
        batch.adjacency.to_dense().numpy(), expected[normalization], rtol=1e-6
    )
    assert dense(batch.features).tolist() == torch.eye(34).tolist()
    assert data.num_features == 34 and data.num_classes == 4
    assert sorted(set(batch.labels.tolist())) == [0, 1, 2, 3]
    assert sorted(batch.labels[batch.training].tolist()) == [0, 1, 2, 3]
    parts = [set(part.tolist()) for part in (batch.training, batch.validation, batch.test)]
    assert [len(part) for part in parts] == [4, 15, 15]
    assert set.union(*parts) == set(range(34))
    assert str(data) == "KarateClub, 34 nodes (4 + 15 + 15), 78 edges"


def test_edges_count_once_and_loops_not_at_all(graph_of):
    data = graph_of(small_graph())
    assert str(data) == "Toy, 8 nodes (2 + 2 + 3), 7 edges"
    row = data.graph.adjacency.to_dense()[2]
    assert row.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"edge_weight": torch.ones(18)}, ""),
        ({"edge_weight": torch.arange(18.0)}, " without their weights"),
        ({"edge_attr": torch.arange(36.0).view(18, 2)}, " without their weights"),
        ({"edge_index": torch.tensor([[0, 1, 2], [1, 0, 1]])}, " without their directions"),
        (
            {"edge_index": torch.tensor([[0, 1], [1, 2]]), "edge_attr": torch.tensor([1, 2])},
            " without their weights and directions",
        ),
        ({"edge_index": torch.empty(2, 0, dtype=torch.int64)}, ""),
    ],
)
def test_says_what_it_leaves_out_of_the_edges(changes, words, graph_of):
    told = str(graph_of(small_graph(**changes)))
    assert told.endswith(f" edges{words}")


def test_public_masks(graph_of):
    batch = graph_of(small_graph()).graph
    assert [part.tolist() for part in (batch.training, batch.validation, batch.test)] == [
        [0, 1],
        [2, 3],
        [4, 5, 6],
    ]
    assert batch.labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(("number", "training"), [(0, [0, 1]), (1, [0, 7])])
def test_one_of_several_public_splits(number, training, graph_of, monkeypatch):
    # Which of them is no matter of the run's seed.
    monkeypatch.setenv("PL_GLOBAL_SEED", "1")
    columns = torch.stack([mask(0, 1), mask(0, 7)], dim=1)
    data = graph_of(small_graph(train_mask=columns), split_seed=number)
    assert data.graph.training.tolist() == training


def test_no_public_split_is_told_with_the_name(graph_of):
    with pytest.raises(ValueError, match="^Toy: it comes with no public split: take split random$"):
        graph_of(small_graph(train_mask=None))


def test_every_step_has_the_same_graph():
    data = on_device(Graph(), step=0)
    first = list(islice(iter(data.train_dataloader()), 3))
    resumed = list(islice(iter(on_device(data, step=123).train_dataloader()), 3))
    assert all(batch is data.graph for batch in (*first, *resumed))
    for loader in (data.val_dataloader(), data.test_dataloader(), data.predict_dataloader()):
        (batch,) = loader
        assert type(batch) is type(data.graph) and type(batch.adjacency) is Sparse
        # Not even copied.
        assert batch.labels is data.graph.labels and batch.test is data.graph.test
        assert batch.adjacency.values is data.graph.adjacency.values


def test_another_object_of_the_same_settings_is_the_same_graph():
    one, other = (Graph(split="random", **FEW, split_seed=3).graph for _ in range(2))
    for left, right in zip(one, other, strict=True):
        pairs = zip(left, right, strict=True) if isinstance(left, Sparse) else [(left, right)]
        assert all(torch.equal(*pair) for pair in pairs)


# Features

FEATURES = torch.tensor(
    [
        [1.0, 3.0, 0.0],
        [0.0, 0.0, 0.0],
        [-1.0, 1.0, 0.0],
        [0.0, -2.0, -2.0],
        [0.0, 0.0, 5.0],
        [0.5, 0.25, 0.25],
        [0.0, 0.0, 0.0],
        [1e-30, 0.0, 0.0],
    ]
)
NORMALIZED = [
    [0.25, 0.75, 0.0],
    [0.0, 0.0, 0.0],
    [-0.5, 0.5, 0.0],
    [0.0, -0.5, -0.5],
    [0.0, 0.0, 1.0],
    [0.5, 0.25, 0.25],
    [0.0, 0.0, 0.0],
    [1.0, 0.0, 0.0],
]
LAYOUTS = {
    "dense": lambda x: x,
    "coo": lambda x: x.to_sparse_coo(),
    "csr": lambda x: x.to_sparse_csr(),
    "stored zeros": lambda x: torch.sparse_coo_tensor(
        torch.ones(8, 3).nonzero().t(), x.flatten(), (8, 3)
    ),
}


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("normalize", [True, False])
def test_features_of_each_node_are_divided_by_their_sum(layout, normalize, graph_of):
    x = LAYOUTS[layout](FEATURES)
    data = graph_of(small_graph(x=x), normalize_features=normalize)
    expected = NORMALIZED if normalize else FEATURES.tolist()
    features = data.graph.features
    torch.testing.assert_close(dense(features), torch.tensor(expected))
    # 11 of 24 entries are not zero.
    assert isinstance(features, Sparse) and len(features.values) == 11
    assert data.num_features == 3


@pytest.mark.parametrize("stored", [11, 12, 13, 24])
def test_features_are_kept_sparse_below_half(stored, graph_of):
    x = torch.zeros(24)
    x[torch.randperm(24, generator=torch.Generator().manual_seed(0))[:stored]] = 2.0
    data = graph_of(small_graph(x=x.view(8, 3)), normalize_features=False)
    assert isinstance(data.graph.features, Sparse) == (stored < 12)
    assert dense(data.graph.features).flatten().tolist() == x.tolist()


@pytest.mark.parametrize("kind", [torch.int64, torch.float64, torch.uint8])
def test_features_of_any_number_type(kind, graph_of):
    data = graph_of(small_graph(x=torch.eye(8).to(kind)))
    assert dense(data.graph.features).dtype == torch.float32
    assert dense(data.graph.features).tolist() == torch.eye(8).tolist()


# Random splits

FEW = {"train_per_class": 2, "num_validation": 8, "num_test": 9}


def parts_of(data):
    return [part.tolist() for part in data.graph[3:]]


def test_a_random_split():
    data = Graph(split="random", **FEW, split_seed=0)
    training, validation, test = parts_of(data)
    assert (len(training), len(validation), len(test)) == (8, 8, 9)
    assert len({*training, *validation, *test}) == 25
    labels = data.graph.labels[data.graph.training].tolist()
    assert sorted(labels) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_random_split_follows_its_own_seed_alone(monkeypatch):
    def of_run(seed, **settings):
        monkeypatch.setenv("PL_GLOBAL_SEED", str(seed))
        return parts_of(Graph(split="random", **FEW, **settings))

    assert of_run(1) == of_run(2) == of_run(3, split_seed=0)
    assert of_run(1, split_seed=2) == of_run(2, split_seed=2) != of_run(2)


def test_nodes_of_which_nothing_is_known_are_not_drawn(graph_of):
    x = torch.ones(8, 3)
    # Linked without features; features without links; neither.
    x[[0, 6, 7]] = 0
    edges = torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 0]])
    data = small_graph(x=x, edge_index=edges, y=torch.tensor([0, 1, 0, 1, -1, 1, 0, 0]))
    settings = {"split": "random", "train_per_class": 1, "num_validation": 1, "num_test": 2}
    drawn = set()
    for seed in range(30):
        drawn |= set(sum(parts_of(graph_of(data, **settings, split_seed=seed)), []))
    assert drawn == {0, 1, 2, 3, 5}
    assert graph_of(data, **settings).num_classes == 2


def test_unlabelled_nodes_with_sparse_features_are_not_drawn(graph_of):
    data = small_graph(x=torch.eye(8).to_sparse_coo(), y=torch.tensor([0, 1, 0, 1, -1, -1, 0, 1]))
    settings = {"split": "random", "train_per_class": 1, "num_validation": 2, "num_test": 2}
    for seed in range(10):
        assert not {4, 5} & set(sum(parts_of(graph_of(data, **settings, split_seed=seed)), []))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "KarateClub: a class has 4 nodes only, and train_per_class asks for 20"),
        (
            {"train_per_class": 1},
            "KarateClub: there are 30 nodes left to validate and to test on, and num_validation "
            "500 and num_test 1,000 ask for 1,500",
        ),
        ({"train_per_class": 0}, "train_per_class must be at least 1, got 0"),
        ({"num_validation": 0}, "num_validation must be at least 1, got 0"),
        ({"num_test": -1}, "num_test must be at least 1, got -1"),
        ({"split_seed": -1}, "split_seed must be at least 0, got -1"),
        ({"split_seed": 2**64}, f"split_seed must be below 2^64, got {2**64}"),
        ({"adjacency": "none"}, "normalization must be symmetric, row or binary, got 'none'"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError) as caught:
        Graph(split="random", **{**({} if settings.keys() <= FEW.keys() else FEW), **settings})
    assert one_line(caught) == message


# Places


def test_one_graph_is_not_shared_by_devices():
    data = on_device(Graph(), devices=3)
    for stage in ("fit", "validate", "test", "predict"):
        with pytest.raises(MisconfigurationException) as caught:
            data.setup(stage)
        assert one_line(caught) == (
            "one graph is one batch, so 3 devices would all do the same work: set trainer.devices 1"
        )


def test_accumulating_the_same_graph_is_refused():
    data = on_device(Graph(), accumulate=2)
    with pytest.raises(MisconfigurationException) as caught:
        data.setup("fit")
    assert one_line(caught) == (
        "one graph is one batch, so 2 of them would be the same again: "
        "set trainer.accumulate_grad_batches 1"
    )
    data.setup("test")


def test_one_device_and_one_batch_a_step():
    on_device(Graph()).setup("fit")


def test_moved_to_a_device_once(monkeypatch):
    moves = []
    move = LightningDataModule.transfer_batch_to_device

    def moved(self, batch, device, number):
        moves.append(device)
        return move(self, batch, device, number)

    monkeypatch.setattr(LightningDataModule, "transfer_batch_to_device", moved)
    data, meta, cpu = Graph(), torch.device("meta"), torch.device("cpu")
    batches = [data.transfer_batch_to_device(data.graph, meta, 0) for _ in range(5)]
    assert moves == [meta]
    assert all(batch is batches[0] for batch in batches)
    tensors = [batches[0].labels, batches[0].adjacency.values, batches[0].adjacency.by_column]
    assert {tensor.device.type for tensor in (*tensors, *batches[0][3:])} == {"meta"}
    assert type(batches[0]) is type(data.graph) and isinstance(batches[0].adjacency, Sparse)
    assert data.transfer_batch_to_device(data.graph, cpu, 0) is data.graph
    assert moves == [meta]


def test_neither_another_graph_nor_another_precision_is_taken_for_the_one_that_was_moved():
    data, cpu = Graph(), torch.device("cpu")
    data.transfer_batch_to_device(data.graph, cpu, 0)
    other = data.graph._replace(labels=data.graph.labels.flip(0))
    assert data.transfer_batch_to_device(other, cpu, 0).labels.tolist() == other.labels.tolist()
    # As a Trainer makes them.
    for graph in (DoublePrecision().convert_input(data.graph), data.graph):
        placed = data.transfer_batch_to_device(graph, cpu, 0)
        assert placed.adjacency.values.dtype == graph.adjacency.values.dtype
