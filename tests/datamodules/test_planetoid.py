"""The files of Planetoid: where they come from, and that none is read which was not published."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
import torch_geometric.io

from datamodules import planetoid
from datamodules.planetoid import HASHES, NAMES, read_planetoid
from tests.datamodules.places import one_line
from tests.tiny_planetoid import EDGES, NODES, TEST, features, sha256, tiny_graph

# Where a download fails, pooch leaves its connection to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.usefixtures("root"),
]


@pytest.fixture
def published(server, monkeypatch):
    """Let a tiny graph be what is published as Cora; its files, by part."""
    files = tiny_graph()
    monkeypatch.setitem(HASHES, "cora", {part: sha256(files[part]) for part in files})
    monkeypatch.setattr(planetoid, "URL", server.url)
    server.files.update({f"ind.cora.{part}": content for part, content in files.items()})
    return files


@pytest.fixture
def kept(published, root):
    """The same files, in the folder that they are kept in; the folder."""
    folder = root / "planetoid"
    folder.mkdir(parents=True)
    for part, content in published.items():
        (folder / f"ind.cora.{part}").write_bytes(content)
    return folder


def test_every_node_has_its_features_class_and_neighbours(published):
    data = read_planetoid("Cora")
    assert data.num_nodes == NODES
    assert data.x.tolist() == features(range(NODES)).tolist()
    assert data.y.tolist() == [node % 2 for node in range(NODES)]
    both_ways = EDGES | {(other, one) for one, other in EDGES}
    assert set(map(tuple, data.edge_index.t().tolist())) >= both_ways
    masks = (data.train_mask, data.val_mask, data.test_mask)
    chosen = [mask.nonzero().flatten().tolist() for mask in masks]
    assert chosen == [[0, 1, 2, 3], list(range(4, 504)), sorted(TEST)]


def test_each_file_is_downloaded_once(published, server, root):
    one, other = read_planetoid("Cora"), read_planetoid("Cora")
    assert server.asked == {f"ind.cora.{part}": 1 for part in published}
    assert torch.equal(one.x, other.x) and torch.equal(one.edge_index, other.edge_index)
    for part, content in published.items():
        assert (root / "planetoid" / f"ind.cora.{part}").read_bytes() == content


def test_files_that_are_there_need_no_network(kept, no_network):
    assert read_planetoid("Cora").num_nodes == NODES
    assert len(list(kept.iterdir())) == 8


def test_only_what_is_missing_is_downloaded(kept, server):
    (kept / "ind.cora.ty").unlink()
    assert read_planetoid("Cora").num_nodes == NODES
    assert server.asked == {"ind.cora.ty": 1}


class MakesFolder:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("part", ["x", "graph"])
def test_a_pickle_that_was_not_published_is_never_loaded(part, kept, tmp_path, monkeypatch):
    content = pickle.dumps(MakesFolder(tmp_path / "executed"), protocol=2)
    (kept / f"ind.cora.{part}").write_bytes(content)
    with pytest.raises(ValueError, match="is not the file of Planetoid"):
        read_planetoid("Cora")
    assert not (tmp_path / "executed").exists()
    # It would have made the folder.
    monkeypatch.setitem(HASHES["cora"], part, sha256(content))
    with pytest.raises(Exception):  # noqa: B017
        read_planetoid("Cora")
    assert (tmp_path / "executed").exists()


def test_nor_is_one_that_comes_after_the_hashes_were_checked(kept, tmp_path, monkeypatch):
    read = torch_geometric.io.read_planetoid_data

    def too_late(folder, prefix):
        pickled = pickle.dumps(MakesFolder(tmp_path / "executed"), protocol=2)
        (kept / "ind.cora.x").write_bytes(pickled)
        return read(folder, prefix)

    monkeypatch.setattr(torch_geometric.io, "read_planetoid_data", too_late)
    assert read_planetoid("Cora").num_nodes == NODES
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("part", ["x", "graph"])
def test_nor_is_one_that_comes_from_the_network(part, published, server, root, tmp_path):
    server.files[f"ind.cora.{part}"] = pickle.dumps(MakesFolder(tmp_path / "executed"), protocol=2)
    with pytest.raises(ValueError, match="not the file that was expected: another hash") as caught:
        read_planetoid("Cora")
    one_line(caught)
    assert not (tmp_path / "executed").exists()
    assert not (root / "planetoid" / f"ind.cora.{part}").exists()


@pytest.mark.parametrize("part", tiny_graph())
def test_a_file_with_another_hash_is_named(part, kept, published, no_network):
    path = kept / f"ind.cora.{part}"
    path.write_bytes(published[part] + b" ")
    with pytest.raises(ValueError) as caught:
        read_planetoid("Cora")
    message = one_line(caught)
    assert message.startswith(f"{path} is not the file of Planetoid: SHA-256 ")
    found, known = sha256(published[part] + b" ")[:12], sha256(published[part])[:12]
    assert f"{found}... instead of {known}..." in message
    assert message.endswith("delete it to have it downloaded again")
    assert path.read_bytes() == published[part] + b" "


def test_a_folder_in_place_of_a_file(kept, no_network):
    (kept / "ind.cora.ally").unlink()
    (kept / "ind.cora.ally").mkdir()
    with pytest.raises(ValueError, match="ind.cora.ally cannot be read: Is a directory"):
        read_planetoid("Cora")


def assert_names_all_files(message, name, folder):
    for part in ("x", "y", "tx", "ty", "allx", "ally", "graph", "test.index"):
        assert f"ind.{name.lower()}.{part}" in message.partition(": put ")[2]
    assert f" to {folder}, or take KarateClub, which needs no file" in message


@pytest.mark.parametrize("name", NAMES)
def test_without_a_network_all_files_are_named(name, root, monkeypatch):
    monkeypatch.setattr(planetoid, "URL", "http://127.0.0.1:9/nobody")
    with pytest.raises(ValueError, match=r"\(ConnectionError\)") as caught:
        read_planetoid(name)
    message = one_line(caught)
    first = f"http://127.0.0.1:9/nobody/ind.{name.lower()}.x"
    assert message.startswith(f"{name} cannot be downloaded from {first} (")
    assert_names_all_files(message, name, root / "planetoid")


def test_a_server_without_the_file(published, server, root):
    del server.files["ind.cora.graph"]
    with pytest.raises(ValueError, match=r"ind.cora.graph \(the server answers 404\)") as caught:
        read_planetoid("Cora")
    assert_names_all_files(one_line(caught), "Cora", root / "planetoid")
    assert not (root / "planetoid" / "ind.cora.graph").exists()


def test_a_place_that_cannot_be_written(published, server, root):
    root.write_text("a file where the folder should be")
    with pytest.raises(ValueError, match="cannot be made .*: set DATA_ROOT to a folder") as caught:
        read_planetoid("Cora")
    assert one_line(caught).endswith("or take KarateClub, which needs no file")
    assert not server.asked


def test_hashes_of_all_files():
    assert list(HASHES) == [name.lower() for name in NAMES]
    hashes = [known for of_graph in HASHES.values() for known in of_graph.values()]
    assert len(set(hashes)) == 24 and all(len(bytes.fromhex(known)) == 32 for known in hashes)


REAL = os.environ.get("DATA_ROOT")


@pytest.mark.skipif(not REAL, reason="the real graphs are at DATA_ROOT")
@pytest.mark.parametrize(
    ("name", "nodes", "edges", "features", "classes", "split", "isolated"),
    [
        ("Cora", 2708, 5278, 1433, 7, [140, 500, 1000], 0),
        ("CiteSeer", 3327, 4552, 3703, 6, [120, 500, 1000], 48),
        ("PubMed", 19717, 44324, 500, 3, [60, 500, 1000], 0),
    ],
)
def test_real_graphs(
    name, nodes, edges, features, classes, split, isolated, monkeypatch, no_network
):
    if not (Path(REAL) / f"planetoid/ind.{name.lower()}.graph").exists():
        pytest.skip(f"{name} is not at DATA_ROOT")
    monkeypatch.setenv("DATA_ROOT", REAL)
    data = read_planetoid(name)
    assert data.num_nodes == nodes and data.x.shape == (nodes, features)
    pairs = {tuple(sorted(pair)) for pair in data.edge_index.t().tolist() if pair[0] != pair[1]}
    assert len(pairs) == edges
    assert nodes - len({node for pair in pairs for node in pair}) == isolated
    assert sorted(set(data.y.tolist())) == list(range(classes))
    assert [int(mask.sum()) for mask in (data.train_mask, data.val_mask, data.test_mask)] == split
