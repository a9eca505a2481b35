"""Data sets of one graph whose nodes have classes, by name, as torch_geometric has them."""

from __future__ import annotations

import difflib
import inspect
import os
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from datamodules import planetoid
from datamodules.downloads import DownloadError, check_downloads, data_root
from datamodules.graph_checks import check_graph
from datamodules.only_data import HeldBack, only_data

if TYPE_CHECKING:
    from torch_geometric.data import Data

BUILT_IN = "KarateClub"
TRUST = "--data.trust_dataset true"


def read_node_set(name: str, *, trusted: bool = False) -> Data:
    """The graph of a data set: features x (N, D), edge_index (2, E) and classes y (N,) int64.

    A graph without features has x (N, N), one feature a node. Where the set has public splits,
    train_mask, val_mask and test_mask are there too, as far as it has them.

    Args:
        name: KarateClub, Cora, CiteSeer, PubMed, or a class of torch_geometric.datasets, with the
            name of one of its sets where it has several, such as Amazon/Photo.
        trusted: whether torch_geometric may read the set in its own way, which runs what is
            pickled in its files, checks no certificates and takes plain http.

    Raises:
        ValueError: there is no such set, it cannot be had, it is more than data, or it is not one
            graph of classified nodes; one line.
    """
    kind, _, member = name.partition("/")
    for each in planetoid.NAMES:
        # By torch_geometric's class too, which knows no hashes, and takes any case.
        if name == each or (kind == "Planetoid" and member.lower() == each.lower()):
            return planetoid.read_planetoid(each)
    data = _read(name, trusted)
    try:
        check_graph(data)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None
    data.y, data.edge_index = data.y.flatten().long(), data.edge_index.long()
    if data.x is None:
        nodes = torch.arange(len(data.y))
        places, ones = nodes.expand(2, -1), torch.ones(len(nodes))
        # Checked, since torch warns of what is not.
        data.x = torch.sparse_coo_tensor(places, ones, check_invariants=True)
    return data


def _read(name: str, trusted: bool) -> Any:
    from torch_geometric import datasets

    kind, _, member = name.partition("/")
    if kind not in datasets.__all__:
        known = [BUILT_IN, *planetoid.NAMES, *datasets.__all__]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"dataset {name!r} is none of {BUILT_IN}, {', '.join(planetoid.NAMES)} and the other "
            f"sets of torch_geometric.datasets{hint}"
        )
    dataset = _naming_files(getattr(datasets, kind), name)
    settings = _settings(dataset, kind, member)
    if "root" in settings and not _folder(kind).is_dir():
        check_downloads(name)
    held_back: list[HeldBack] = []
    # What comes with torch_geometric has no files.
    reading = nullcontext(held_back) if trusted or "root" not in settings else only_data()
    try:
        with warnings.catch_warnings(), reading as held_back:
            # Of defaults that have changed, and of classes that will have other names.
            warnings.simplefilter("ignore")
            graphs = dataset(**settings)
            count = len(graphs)
            # A set may read a graph only once it is asked for.
            graph = graphs[0] if count == 1 else None
        if held_back:
            raise held_back[0]
    except Exception as error:
        # What was held back may have become another error on its way.
        raise _explained(error, name, held_back) from None
    if count != 1:
        raise ValueError(f"{name} has {count:,} graphs: the nodes of one are classified here")
    return graph


def _explained(error: Exception, name: str, held_back: list[HeldBack]) -> ValueError:
    """Each set is read in its own way, and has its own errors."""
    kind, _, member = name.partition("/")
    if isinstance(error, DownloadError):
        trust = f"; {TRUST} takes it all the same" if held_back else ""
        return DownloadError(f"{error}{trust}")
    if held_back:
        return ValueError(
            f"{name} is more than data: {held_back[0]}; if you trust all that lies in "
            f"{_folder(kind)}, say so with {TRUST}"
        )
    if isinstance(error, ImportError):
        return ValueError(f"{name} needs a package that is not installed: {error}")
    if isinstance(error, (AssertionError, KeyError)):
        # Their only words for a name that they do not know, and for files that are not theirs.
        return ValueError(
            f"{kind} has no set {member!r}, or its files in {_folder(kind)} are damaged: "
            f"{_reason(error)}"
        )
    if isinstance(error, OSError):
        return ValueError(
            f"{name} cannot be kept in {_folder(kind)} ({error.strerror}): set DATA_ROOT to a "
            f"folder that can be written, or take {BUILT_IN}, which needs no file"
        )
    return ValueError(
        f"{name} cannot be read ({_reason(error)}): delete {_folder(kind)} to have it "
        f"downloaded again"
    )


def _reason(error: Exception) -> str:
    """In one line of no more than a few words."""
    words = " ".join(str(error).split())
    return words if 0 < len(words) < 120 else type(error).__name__


def _folder(kind: str) -> Path:
    return data_root() / "graphs" / kind


def _settings(dataset: Any, kind: str, member: str) -> dict[str, str]:
    """What a class of data sets is to be made with, as far as a name tells."""
    parameters = inspect.signature(dataset).parameters
    needs = [
        name
        for name, each in parameters.items()
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
    ]
    if "name" in needs and not member:
        raise ValueError(f"{kind} has several sets: name one of them, as in {kind}/NAME")
    if member and "name" not in parameters:
        raise ValueError(f"{kind} has a single set: name it {kind}")
    if os.path.basename(member) != member or member in (os.curdir, os.pardir):
        # It would be a folder elsewhere.
        raise ValueError(f"{kind} has no set {member!r}")
    unknown = sorted(name for name in needs if name not in ("root", "name"))
    if unknown:
        raise ValueError(f"{kind} needs more than a name: {', '.join(unknown)}")
    settings = {"name": member} if member else {}
    return {**settings, "root": str(_folder(kind))} if "root" in parameters else settings


def _naming_files(dataset: Any, name: str) -> Any:
    """The same data set, whose downloads that fail name the files to put where."""
    from torch_geometric.data import Dataset

    if dataset.download is Dataset.download:
        return dataset

    def download(self: Any) -> None:
        try:
            dataset.download(self)
        # Each set has its own way to the network, and each way its own errors.
        except Exception as error:
            folder = self.raw_dir
            files = ", ".join(str(Path(path).relative_to(folder)) for path in self.raw_paths)
            raise DownloadError(
                f"{name} cannot be downloaded ({_reason(error)}): put {files} to {folder}, or take "
                f"{BUILT_IN}, which needs no file"
            ) from None

    return type(dataset.__name__, (dataset,), {"download": download})
