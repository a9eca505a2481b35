"""Data sets of one graph whose nodes have classes, by name, as torch_geometric has them."""

from __future__ import annotations

import difflib
import inspect
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from datamodules import planetoid
from datamodules.downloads import data_root

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
    if not isinstance(getattr(data, "edge_index", None), Tensor):
        raise ValueError(f"{name} is not a graph with one kind of nodes and edges")
    labels = data.y.squeeze() if isinstance(data.y, Tensor) else torch.empty(0)
    if labels.dim() != 1 or len(labels) != data.num_nodes or labels.is_floating_point():
        raise ValueError(f"{name} does not have one class a node")
    data.y = labels.long()
    if data.x is None:
        data.x = torch.eye(data.num_nodes)
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
    named = _naming_files(getattr(datasets, kind), name)
    needs = [
        each.name
        for each in inspect.signature(named.__init__).parameters.values()
        if each.default is each.empty and each.name not in ("self", "args", "kwargs")
    ]
    if "name" in needs and not member:
        raise ValueError(f"{kind} has several sets: name one of them, as in {kind}/NAME")
    settings = {"root": str(data_root() / "graphs" / kind), "name": member}
    unknown = sorted(set(needs) - set(settings))
    if unknown:
        raise ValueError(f"{kind} needs more than a name: {', '.join(unknown)}")
    if member and "name" not in inspect.signature(named.__init__).parameters:
        raise ValueError(f"{kind} has a single set: name it {kind}")
    try:
        with warnings.catch_warnings():
            # Of defaults that have changed, and of classes that will have other names.
            warnings.simplefilter("ignore")
            graphs = named(**{key: settings[key] for key in needs})
    except ImportError as error:
        raise ValueError(f"{name} needs a package that is not installed: {error}") from None
    except (AssertionError, KeyError):
        raise ValueError(f"{kind} has no set {member!r}") from None
    except OSError as error:
        raise ValueError(
            f"{name} cannot be kept in {settings['root']} ({error.strerror}): set DATA_ROOT to a "
            f"folder that can be written, or take {BUILT_IN}, which needs no file"
        ) from None
    if len(graphs) != 1:
        raise ValueError(f"{name} has {len(graphs):,} graphs: the nodes of one are classified here")
    return graphs[0]


def _naming_files(dataset: type, name: str) -> type:
    """The same data set, whose downloads that fail name the files to put where."""
    from torch_geometric.data import Dataset

    if dataset.download is Dataset.download:  # type: ignore[attr-defined]
        return dataset

    def download(self: Any) -> None:
        try:
            super(named, self).download()
        # Each set has its own way to the network, and each way its own errors.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            files = ", ".join(str(Path(path).relative_to(self.raw_dir)) for path in self.raw_paths)
            raise ValueError(
                f"{name} cannot be downloaded ({reason}): put {files} to {self.raw_dir}, or take "
                f"{BUILT_IN}, which needs no file"
            ) from None

    named: type = type(dataset.__name__, (dataset,), {"download": download})
    return named
