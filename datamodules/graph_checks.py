"""What a graph must have so that learning the classes of its nodes means something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch_geometric.data import Data


def check_graph(data: Any) -> None:
    """Make sure that a graph has edges between its nodes, numbers as features, and classes.

    Args:
        data: x (N, D), or None where nodes have no features; edge_index (2, E) of whole numbers
            below N; y (N,) or (N, 1) of whole numbers, classes counted from 0, below it unknown.

    Raises:
        ValueError: it has not; one line, which goes on after the name of the graph.
    """
    edges, labels, features = (getattr(data, name, None) for name in ("edge_index", "y", "x"))
    if not isinstance(edges, Tensor):
        raise ValueError("is not a graph with one kind of nodes and edges")
    if not isinstance(labels, Tensor):
        raise ValueError("does not have one class a node: it has no labels")
    nodes = _count_nodes(data, labels)
    if labels.shape not in ((nodes,), (nodes, 1)) or not _is_whole(labels):
        raise ValueError(
            f"does not have one class a node: its {nodes:,} nodes have labels {_form(labels)}"
        )
    _check_classes(labels)
    _check_edges(edges, nodes)
    if features is not None:
        _check_features(features)


def check_split(parts: tuple[Tensor, Tensor, Tensor], labels: Tensor) -> None:
    """Make sure that a split has nodes of known classes in each part, and none of them twice.

    Args:
        parts: the nodes (n,) to train, to validate and to test on.
        labels: (N,), below 0 where unknown.

    Raises:
        ValueError: it has not; one line, which goes on after "its public split".
    """
    for nodes, purpose in zip(parts, ("train", "validate", "test"), strict=True):
        if not len(nodes):
            raise ValueError(f"has no nodes to {purpose} on")
        if len(unknown := nodes[labels[nodes] < 0]):
            raise ValueError(
                f"has nodes to {purpose} on without a class, such as {int(unknown[0])}"
            )
    used, times = torch.unique(torch.cat(parts), return_counts=True)
    if len(twice := used[times > 1]):
        raise ValueError(f"has nodes in two of its parts, such as {int(twice[0])}")
    if len(classes := torch.unique(labels[parts[0]])) == 1:
        raise ValueError(f"trains on nodes of class {int(classes[0])} alone")


def left_out(data: Data) -> str:
    """What edges have that Â takes no notice of, in words; empty if nothing."""
    carried = [getattr(data, name, None) for name in ("edge_weight", "edge_attr")]
    parts = []
    if any(isinstance(each, Tensor) and bool((each != each[:1]).any()) for each in carried):
        parts.append("weights")
    if data.edge_index.numel() and not _is_undirected(data):
        parts.append("directions")
    return f" without their {' and '.join(parts)}" if parts else ""


def _is_undirected(data: Data) -> bool:
    from torch_geometric.utils import is_undirected

    return bool(is_undirected(data.edge_index, num_nodes=len(data.y)))


def _count_nodes(data: Any, labels: Tensor) -> int:
    if isinstance(data.x, Tensor) and data.x.dim():
        return int(data.x.shape[0])
    # Not guessed from the edges, which leave out nodes without any.
    return int(data["num_nodes"]) if "num_nodes" in data else labels.numel()


def _check_classes(labels: Tensor) -> None:
    classes = torch.unique(labels[labels >= 0])
    if len(classes) < 2:
        raise ValueError("has no two classes of nodes to tell apart")
    if (highest := int(classes[-1])) >= len(classes):
        raise ValueError(
            f"has {len(classes):,} classes, and labels up to {highest:,}: labels must count the "
            f"classes from 0 to {len(classes) - 1:,}"
        )


def _check_edges(edges: Tensor, nodes: int) -> None:
    if edges.dim() != 2 or edges.shape[0] != 2 or not _is_whole(edges):
        raise ValueError(f"has edges {_form(edges)}: they must be two rows of whole numbers")
    if edges.numel() and not 0 <= edges.min() <= edges.max() < nodes:
        raise ValueError(
            f"has edges between nodes {edges.min():,} and {edges.max():,}, and nodes 0 to "
            f"{nodes - 1:,} only"
        )


def _check_features(features: Any) -> None:
    if not isinstance(features, Tensor):
        raise ValueError(f"has features of the type {type(features).__name__}, not a tensor")
    if features.dim() != 2 or not features.shape[1] or features.is_complex():
        raise ValueError(f"has features {_form(features)}: they must be a row of numbers a node")
    dense = features.layout == torch.strided
    numbers = features if dense else features.to_sparse_coo().coalesce().values()  # type: ignore[no-untyped-call]
    # In the type that they are used in.
    if not bool((finite := numbers.float().isfinite()).all()):
        count = int(finite.logical_not().sum())
        raise ValueError(f"has {count:,} features that are not finite (NaN or infinite)")


def _is_whole(numbers: Tensor) -> bool:
    return not numbers.is_floating_point() and not numbers.is_complex()


def _form(tensor: Tensor) -> str:
    return f"of shape {tuple(tensor.shape)}, {str(tensor.dtype).removeprefix('torch.')}"
