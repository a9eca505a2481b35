"""Data sets of one graph whose nodes have classes, by name, as torch_geometric has them."""

from __future__ import annotations

import difflib
import inspect
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from datamodules import planetoid
from datamodules.downloads import DownloadError, data_root
from datamodules.graph_checks import check_graph

if TYPE_CHECKING:
    from torch_geometric.data import Data

BUILT_IN = "KarateClub"


def read_node_set(name: str) -> Data:
    """The graph of a data set: features x (N, D), edge_index (2, E) and classes y (N,) int64.

    A graph without features has x (N, N), one feature a node. Where the set has public splits,
    train_mask, val_mask and test_mask are there too, as far as it has them.

    Args:
        name: KarateClub, Cora, CiteSeer, PubMed, or a class of torch_geometric.datasets, with the
            name of one of its sets where it has several, such as Amazon/Photo.

    Raises:
        ValueError: there is no such set, it cannot be had, or it is not one graph of classified
            nodes; one line.
    """
    kind, _, member = name.partition("/")
    for each in planetoid.NAMES:
        # By torch_geometric's class too, which knows no hashes, and takes any case.
        if name == each or (kind == "Planetoid" and member.lower() == each.lower()):
            return planetoid.read_planetoid(each)
    data = _read(name)
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


def _read(name: str) -> Any:
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
    try:
        with warnings.catch_warnings():
            # Of defaults that have changed, and of classes that will have other names.
            warnings.simplefilter("ignore")
            graphs = dataset(**settings)
    except DownloadError:
        raise
    except ImportError as error:
        raise ValueError(f"{name} needs a package that is not installed: {error}") from None
    except (AssertionError, KeyError) as error:
        # Their only words for a name that they do not know, and for files that are not theirs.
        raise ValueError(
            f"{kind} has no set {member!r}, or its files in {_folder(kind)} are damaged: "
            f"{_reason(error)}"
        ) from None
    except OSError as error:
        raise ValueError(
            f"{name} cannot be kept in {_folder(kind)} ({error.strerror}): set DATA_ROOT to a "
            f"folder that can be written, or take {BUILT_IN}, which needs no file"
        ) from None
    # Each set is read in its own way, and has its own errors for files that are not what they were.
    except Exception as error:
        raise ValueError(
            f"{name} cannot be read ({_reason(error)}): delete {_folder(kind)} to have it "
            f"downloaded again"
        ) from None
    if len(graphs) != 1:
        raise ValueError(f"{name} has {len(graphs):,} graphs: the nodes of one are classified here")
    return graphs[0]


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
