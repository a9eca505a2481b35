"""Data sets by name: those of torch_geometric that are one graph of classified nodes."""

from __future__ import annotations

import pytest
import torch
from torch_geometric import datasets
from torch_geometric.data import Data, Dataset, HeteroData, InMemoryDataset

from datamodules import planetoid
from datamodules.node_sets import read_node_set
from tests.datamodules.places import one_line

pytestmark = pytest.mark.usefixtures("root")

RING = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])


def ring(**changes):
    """Four nodes in a circle, of two classes."""
    parts = {"x": torch.arange(8.0).view(4, 2), "edge_index": RING, "y": torch.tensor([0, 1, 0, 1])}
    return Data(**{**parts, **changes})


@pytest.fixture
def offer(monkeypatch):
    """Let torch_geometric have one more data set, Toy."""

    def offer(toy):
        monkeypatch.setattr(datasets, "Toy", toy, raising=False)
        monkeypatch.setattr(datasets, "__all__", [*datasets.__all__, "Toy"])

    return offer


@pytest.fixture
def graphs(offer):
    """Let Toy be these graphs."""

    def graphs(*graphs):
        class Toy(Dataset):
            def __init__(self, root):
                self.root = root

            def __len__(self):
                return len(graphs)

            def __getitem__(self, number):
                return graphs[number]

            def len(self):
                return len(graphs)

            def get(self, number):
                return graphs[number]

        offer(Toy)

    return graphs


def test_comes_with_torch_geometric(no_network, root):
    data = read_node_set("KarateClub")
    assert data.num_nodes == 34 and data.y.dtype == torch.int64
    assert data.x.tolist() == torch.eye(34).tolist()
    assert not root.exists()


def test_a_graph_as_it_is(graphs):
    graphs(ring(train_mask=torch.tensor([True, False, False, False])))
    data = read_node_set("Toy")
    assert data.x.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert data.y.tolist() == [0, 1, 0, 1] and data.edge_index.tolist() == RING.tolist()
    assert data.train_mask.tolist() == [True, False, False, False]


@pytest.mark.parametrize("counted", [{}, {"num_nodes": 4}])
def test_nodes_without_features_have_one_each(counted, graphs):
    # The last one has no edge either.
    graphs(ring(x=None, edge_index=RING[:, :2], **counted))
    assert read_node_set("Toy").x.to_dense().tolist() == torch.eye(4).tolist()


@pytest.mark.parametrize(
    "labels",
    [torch.tensor([[0], [1], [0], [1]]), torch.tensor([0, 1, 0, 1], dtype=torch.int32)],
    ids=["a column", "32 bits"],
)
def test_whole_numbers_in_other_forms(labels, graphs):
    graphs(ring(y=labels, edge_index=RING.int()))
    data = read_node_set("Toy")
    assert data.y.tolist() == [0, 1, 0, 1] and data.y.dtype == torch.int64
    assert data.edge_index.tolist() == RING.tolist() and data.edge_index.dtype == torch.int64


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "Toy has 0 graphs: the nodes of one are classified here"),
        ([ring()] * 1200, "Toy has 1,200 graphs: the nodes of one are classified here"),
        ([HeteroData()], "Toy is not a graph with one kind of nodes and edges"),
        ([ring(edge_index=None)], "Toy is not a graph with one kind of nodes and edges"),
        ([ring(y=None)], "Toy does not have one class a node: it has no labels"),
        *(
            (
                [ring(y=labels)],
                f"Toy does not have one class a node: its 4 nodes have labels of shape {form}",
            )
            for labels, form in (
                (torch.ones(4), "(4,), float32"),
                (torch.tensor(1), "(), int64"),
                (torch.ones(3).long(), "(3,), int64"),
                (torch.ones(4, 2).long(), "(4, 2), int64"),
                (torch.tensor([0, 1, 1j, 0]), "(4,), complex64"),
            )
        ),
        *(
            ([ring(y=torch.tensor(labels))], "Toy has no two classes of nodes to tell apart")
            for labels in ([0] * 4, [-1] * 4, [1, -1, -1, 1])
        ),
        *(
            (
                [ring(y=torch.tensor(labels))],
                f"Toy has {count} classes, and labels up to {highest}: labels must count the "
                f"classes from 0 to {count - 1}",
            )
            for labels, count, highest in (
                ([1, 2, 1, 2], 2, "2"),
                ([0, 1, 3, -1], 3, "3"),
                ([0, 1, 10**12, 1], 3, "1,000,000,000,000"),
            )
        ),
        *(
            (
                [ring(edge_index=edges)],
                f"Toy has edges of shape {form}: they must be two rows of whole numbers",
            )
            for edges, form in (
                (RING.t(), "(4, 2), int64"),
                (RING.float(), "(2, 4), float32"),
                (RING[0], "(4,), int64"),
            )
        ),
        *(
            (
                [ring(edge_index=edges)],
                f"Toy has edges between nodes {ends}, and nodes 0 to 3 only",
            )
            for edges, ends in ((RING + 1, "1 and 4"), (RING - 1, "-1 and 2"))
        ),
        *(
            (
                [ring(x=features)],
                f"Toy has features of shape {form}: they must be a row of numbers a node",
            )
            for features, form in (
                (torch.ones(4), "(4,), float32"),
                (torch.ones(4, 0), "(4, 0), float32"),
                (torch.ones(4, 2, 3), "(4, 2, 3), float32"),
                (torch.ones(4, 2) * 1j, "(4, 2), complex64"),
            )
        ),
        *(
            ([ring(x=features)], "Toy has 2 features that are not finite (NaN or infinite)")
            for features in (
                torch.tensor([[1, float("nan"), float("inf")]] * 1 + [[1, 1, 1]] * 3),
                torch.tensor([[1e300, -1e300]] + [[1, 1]] * 3, dtype=torch.float64),
                torch.tensor([[float("nan")] * 2] + [[0, 0]] * 3).to_sparse_coo(),
            )
        ),
        ([ring(x=[[1.0]] * 4)], "Toy has features of the type list, not a tensor"),
    ],
)
def test_sets_that_are_something_else(given, message, graphs):
    graphs(*given)
    with pytest.raises(ValueError) as caught:
        read_node_set("Toy")
    assert one_line(caught) == message


# Names


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Kora", "Cora"),
        ("cora", "Cora"),
        ("Citeseer", "CiteSeer"),
        ("pubmed", "PubMed"),
        ("KarateKlub", "KarateClub"),
        ("WikiCs", "WikiCS"),
    ],
)
def test_nearest_name(name, near):
    with pytest.raises(ValueError) as caught:
        read_node_set(name)
    message = one_line(caught)
    assert message.startswith(f"dataset {name!r} is none of KarateClub, Cora, CiteSeer, PubMed")
    assert message.endswith(f"; did you mean {near}?")


@pytest.mark.parametrize("name", ["", "/", "xyzzy", "torch.nn", "a\nb", "x" * 500])
def test_no_name_at_all(name):
    with pytest.raises(ValueError, match="is none of KarateClub, Cora") as caught:
        read_node_set(name)
    assert "did you mean" not in one_line(caught)


@pytest.mark.parametrize("name", ["Planetoid/Cora", "Planetoid/cora", "Planetoid/PUBMED"])
def test_planetoid_by_its_class_is_read_with_its_hashes_checked(name, monkeypatch):
    asked = []
    monkeypatch.setattr(planetoid, "read_planetoid", lambda name: asked.append(name) or "graph")
    assert read_node_set(name) == "graph"
    assert asked == [{"cora": "Cora", "pubmed": "PubMed"}[name.partition("/")[2].lower()]]


def test_a_set_with_members(offer, root):
    made = []

    class Toy(Dataset):
        def __init__(self, root, name, transform=None):
            made.append((root, name))
            assert name in ("ring", "star")

        def __len__(self):
            return 1

        def __getitem__(self, number):
            return ring()

        def len(self):
            return 1

        def get(self, number):
            return ring()

    offer(Toy)
    assert read_node_set("Toy/ring").num_nodes == 4
    assert made == [(str(root / "graphs/Toy"), "ring")]
    with pytest.raises(ValueError, match="^Toy has several sets: name one of them, as in Toy/NAME"):
        read_node_set("Toy")
    with pytest.raises(
        ValueError, match="^Toy has no set 'disc', or its files in .*/graphs/Toy are damaged: "
    ):
        read_node_set("Toy/disc")


def test_a_member_of_a_set_without_any(graphs):
    graphs(ring())
    with pytest.raises(ValueError, match="^Toy has a single set: name it Toy$"):
        read_node_set("Toy/ring")


def test_a_set_that_needs_more_than_a_name(offer):
    class Toy(InMemoryDataset):
        def __init__(self, root, name, task, size, transform=None):
            raise AssertionError("it was made without them")

    offer(Toy)
    with pytest.raises(ValueError, match="^Toy needs more than a name: size, task$"):
        read_node_set("Toy/ring")


def test_a_set_that_needs_a_package(offer):
    class Toy(InMemoryDataset):
        def __init__(self, root):
            raise ModuleNotFoundError("No module named 'rdkit'")

    offer(Toy)
    with pytest.raises(ValueError, match="^Toy needs a package .*not installed: No module named"):
        read_node_set("Toy")


# Downloads


class Downloaded(InMemoryDataset):
    """A set with two files; `fault` is raised where they would be downloaded."""

    fault: Exception | None = None

    def __init__(self, root):
        super().__init__(root)
        self.load(self.processed_paths[0])

    raw_file_names = ["edges.txt", "more/classes.txt"]
    processed_file_names = ["data.pt"]

    def download(self):
        if self.fault:
            raise self.fault

    def process(self):
        self.save([ring()], self.processed_paths[0])


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (OSError("no route\nto host"), "no route to host"),
        (RuntimeError("404"), "404"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_download_that_fails_names_files_and_folder(fault, reason, offer, root):
    offer(type("Toy", (Downloaded,), {"fault": fault}))
    with pytest.raises(ValueError) as caught:
        read_node_set("Toy")
    assert one_line(caught) == (
        f"Toy cannot be downloaded ({reason}): put edges.txt, more/classes.txt to "
        f"{root}/graphs/Toy/raw, or take KarateClub, which needs no file"
    )


def test_a_set_that_is_downloaded_is_kept(offer, root):
    offer(type("Toy", (Downloaded,), {}))
    assert read_node_set("Toy").x.tolist() == ring().x.tolist()
    assert (root / "graphs/Toy/processed/data.pt").is_file()
    # Files that somebody has put there are taken.
    raw = root / "graphs/Toy/raw"
    (raw / "more").mkdir(parents=True)
    for name in Downloaded.raw_file_names:
        (raw / name).write_text("")
    offer(type("Toy", (Downloaded,), {"fault": AssertionError("the network was asked")}))
    assert read_node_set("Toy").num_nodes == 4


def test_a_place_that_cannot_be_written(offer, root):
    root.write_text("a file where the folder should be")
    offer(type("Toy", (Downloaded,), {}))
    with pytest.raises(ValueError) as caught:
        read_node_set("Toy")
    message = one_line(caught)
    assert f"{root}/graphs/Toy" in message and "set DATA_ROOT to a folder that can be" in message
    assert message.endswith("or take KarateClub, which needs no file")
