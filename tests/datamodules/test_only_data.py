"""What lies in DATA_ROOT may come from anybody, and runs nothing."""

from __future__ import annotations

import gc
import io
import pickle
import re
import ssl
import tarfile
import urllib.request
import warnings
from collections import OrderedDict, defaultdict

import numpy as np
import pytest
import scipy.sparse
import torch
from torch_geometric import datasets

from datamodules.node_sets import read_node_set
from datamodules.only_data import HeldBack, only_data
from tests.datamodules.places import one_line

# torch_geometric leaves what numpy reads open.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module", autouse=True)
def closed():
    """Close such files before another test hears of them."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Planted:
    """Whoever unpickles it runs a line of Python."""

    def __init__(self, line):
        self.line = line

    def __reduce__(self):
        return exec, (self.line,)


@pytest.fixture
def plant(root, monkeypatch):
    """Put a file among those of a set that needs no download; to unpickle it leaves a marker."""
    marker = root / "marker"
    for each in (datasets.Amazon, datasets.GitHub, datasets.WikiCS):
        monkeypatch.setattr(each, "download", lambda self: None)

    def put(place, write):
        file = root / "graphs" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, Planted(f"open({str(marker)!r}, 'w')"))

    yield put
    assert not marker.exists()


def pickled(file, planted):
    file.write_bytes(pickle.dumps(planted, protocol=2))


def sparse(file, planted):
    pickled(file, scipy.sparse.csr_matrix(np.eye(2)))


def saved(file, planted):
    torch.save(planted, file)


def zipped(file, planted):
    array = np.empty(1, dtype=object)
    array[0] = planted
    np.savez(file, features=array, target=array, edges=array)


PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")
# A set, the file that it reads, and what is written there.
PLACES = [
    ("Amazon/Photo", "Amazon/Photo/processed/data.pt", saved),
    ("WikiCS", "WikiCS/processed/data_undirected.pt", saved),
    ("WikiCS", "WikiCS/processed/pre_transform.pt", saved),
    ("GitHub", "GitHub/raw/github.npz", zipped),
    ("GitHub", "GitHub/processed/data.pt", saved),
    ("FacebookPagePage", "FacebookPagePage/raw/facebook.npz", zipped),
    ("LastFMAsia", "LastFMAsia/raw/lastfm_asia.npz", zipped),
    ("Twitch/DE", "Twitch/DE/raw/DE.npz", zipped),
]


@pytest.mark.parametrize(("name", "place", "write"), PLACES)
def test_planted_files_run_nothing(name, place, write, plant, root):
    plant(place, write)
    kind = name.partition("/")[0]
    if place.endswith("pre_transform.pt"):
        saved(root / "graphs/WikiCS/processed/data_undirected.pt", None)
    with pytest.raises(ValueError) as caught:
        read_node_set(name)
    # An array of objects is not even begun.
    named = r"numpy\._?core\.multiarray\._reconstruct" if write is zipped else r"\w+\.exec"
    assert re.fullmatch(
        rf"{name} is more than data: a file of it names {named}, which might "
        rf"run anything; if you trust all that lies in {root}/graphs/{kind}, say so with "
        r"--data\.trust_dataset true",
        one_line(caught),
    )


def test_nor_do_all_of_those_of_nell(plant):
    for part in PARTS:
        plant(f"NELL/raw/ind.nell.0.001.{part}", pickled)
    with pytest.raises(ValueError, match="^NELL is more than data: .*__builtin__.exec"):
        read_node_set("NELL")


def test_pickled_arrays_need_trust_though_they_are_of_numbers(plant):
    """As Planetoid's format has them, and the splits of LINKX/penn94."""
    for part in PARTS:
        plant(f"NELL/raw/ind.nell.0.001.{part}", sparse)
    with pytest.raises(ValueError, match=r"^NELL is more than data: .* names scipy\.sparse"):
        read_node_set("NELL")


def test_arrays_of_numbers_that_are_no_pickles_need_none(plant):
    def write(file, planted):
        edges = np.array([[0, 1], [1, 0]])
        np.savez(file, features=np.eye(2), target=np.array([0, 1]), edges=edges)

    plant("GitHub/raw/github.npz", write)
    data = read_node_set("GitHub")
    assert data.x.tolist() == [[1, 0], [0, 1]] and data.y.tolist() == [0, 1]


def test_who_trusts_a_set_has_it_read_as_ever(root, monkeypatch):
    monkeypatch.setattr(datasets.WikiCS, "download", lambda self: None)
    file = root / "graphs/WikiCS/processed/data_undirected.pt"
    file.parent.mkdir(parents=True)
    saved(file, Planted(f"open({str(root / 'marker')!r}, 'w').close()"))
    with pytest.raises(ValueError, match="files in .* are damaged"):
        read_node_set("WikiCS", trusted=True)
    assert (root / "marker").exists()


DATA = [
    [1, 2.5, 1j, "a", b"b", None, True, {1: (2,)}, {3}, frozenset([4]), bytearray(b"c"), slice(5)],
    defaultdict(list, {1: [2]}),
    OrderedDict(a=1),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_data_are_let_through(protocol):
    content = pickle.dumps(DATA, protocol)
    with only_data() as held_back:
        read = pickle.loads(content)
    assert str(read) == str(DATA) and not held_back


# The published sets in pickles of these are refused like forged ones: a hook sees names alone.
ARRAYS = [
    np.arange(6.0).reshape(2, 3),
    np.array([1, "a", None], dtype=object),
    np.dtype("f4"),
    np.float32(1.5),
    scipy.sparse.csr_matrix(np.eye(2)),
    scipy.sparse.coo_array(np.eye(2)),
]


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: type(array).__name__)
def test_pickled_arrays_are_not(array, protocol):
    content = pickle.dumps(array, protocol)
    with only_data(), pytest.raises(HeldBack, match=r"names (numpy|scipy|copyreg|copy_reg)\."):
        pickle.loads(content)


# An array of an object at address 0x41414141, and one that reads the address of an object: either
# crashes or tells it once it is loaded.
ADDRESS = b"c__builtin__\nbytearray\n(VAAAA\\u0000\\u0000\\u0000\\u0000\nVlatin-1\ntR"
FORGED = b"cnumpy\nndarray\n((I1\ntVO\n" + ADDRESS + b"tR."
READING = b"cnumpy\nndarray\n((I1\ntVu8\ncnumpy\nndarray\n((I1\ntVO\ntRtR."
# A class that would be changed for all who use it.
CHANGED = b"cscipy.sparse\ncsr_matrix\n(N(dVtodense\nc__builtin__\nlist\nstb."
FOREIGN = (
    b"cos\nsystem\n.",
    b"cbuiltins\neval\n.",
    b"cnumpy\nload\n.",
    b"ccopyreg\n_reconstructor\n.",
    FORGED,
    READING,
    CHANGED,
)


@pytest.mark.parametrize("content", FOREIGN)
@pytest.mark.parametrize("unpickler", [pickle.Unpickler, pickle._Unpickler])
def test_nothing_else_is(content, unpickler):
    with only_data() as held_back, pytest.raises(HeldBack, match="which might run anything"):
        unpickler(io.BytesIO(content)).load()
    assert len(held_back) == 1
    # And only while such files are read.
    assert pickle.loads(b"cos\nsystem\n.") is not None


def test_what_goes_on_without_is_refused_all_the_same(plant, root, monkeypatch):
    class Set(datasets.KarateClub):
        def __init__(self, root):
            super().__init__()
            with pytest.raises(HeldBack):
                pickle.loads(b"cos\nsystem\n.")

    monkeypatch.setattr(datasets, "WikiCS", Set)
    with pytest.raises(ValueError, match="^WikiCS is more than data: .* os.system"):
        read_node_set("WikiCS")


@pytest.mark.parametrize("name", ["NELL", "BAMultiShapesDataset"])
def test_plain_http_is_refused(name, root, monkeypatch):
    monkeypatch.setattr(getattr(datasets, name), "url", "http://127.0.0.1:1/set.pkl")
    with pytest.raises(ValueError) as caught:
        read_node_set(name)
    message = one_line(caught)
    assert (
        f"{name} cannot be downloaded (it comes from http://127.0.0.1:1/set.pkl, where" in message
    )
    assert message.endswith("--data.trust_dataset true takes it all the same")


def test_certificates_are_checked():
    with only_data():
        assert ssl._create_unverified_context().verify_mode is ssl.CERT_REQUIRED
    assert ssl._create_unverified_context().verify_mode is ssl.CERT_NONE


def test_other_ways_to_files_are_refused():
    for url in ("file:///etc/passwd", "ftp://127.0.0.1:1/a", "data:,a"):
        with only_data(), pytest.raises(HeldBack, match="it comes from"):
            urllib.request.urlopen(url)


def test_archives_stay_in_their_folder(tmp_path):
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    with (
        only_data(),
        tarfile.open(tmp_path / "set.tar") as archive,
        pytest.raises(tarfile.TarError),
    ):
        archive.extractall(tmp_path / "inside")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("member", ["../x", "a/b", "..", "."])
def test_a_name_is_no_way_to_other_folders(member, root):
    with pytest.raises(ValueError, match=r"^Amazon has no set"):
        read_node_set(f"Amazon/{member}")
    assert not root.exists()
