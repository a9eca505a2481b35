"""The matrix that carries the features of nodes along the edges of a graph."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from layers.sparse import Sparse

Normalization = Literal["symmetric", "row", "binary"]


def normalized_adjacency(
    edges: Tensor, num_nodes: int, normalization: Normalization = "symmetric"
) -> Sparse:
    """Â of a graph, every node a neighbour of its own; D is the diagonal of the row sums of A + I.

    - ``symmetric``: D^(-1/2) (A + I) D^(-1/2) (Kipf and Welling 2017, equation 2);
    - ``row``: D^(-1) (A + I), the mean over a node and its neighbours;
    - ``binary``: A + I, their sum ("Recurrent Neural Networks and Graph Neural Networks", 2019,
      equation 42).

    A is symmetric with entries 0 and 1: edges count once, in both directions, however often and
    in whichever direction they are given. A loop from a node to itself is the one of I.

    Args:
        edges: (2, E) int64, the nodes at both ends of each edge.
        num_nodes: N.
        normalization: as above.

    Returns:
        Â (N, N) in float32.

    Raises:
        ValueError: the edges are not two rows of int64, one of them leads to a node that is not
            there, or the normalization is unknown.
    """
    if edges.dim() != 2 or edges.shape[0] != 2 or edges.dtype != torch.int64:
        kind = str(edges.dtype).removeprefix("torch.")
        raise ValueError(f"edges must be int64 of shape (2, E), got {kind} {tuple(edges.shape)}")
    if edges.numel() and not 0 <= edges.min() <= edges.max() < num_nodes:
        raise ValueError(
            f"edges must be between nodes 0 and {num_nodes - 1}, got {edges.min()} to {edges.max()}"
        )
    nodes = torch.arange(num_nodes, device=edges.device)
    both_ways = torch.cat([edges, edges.flip(0), nodes.expand(2, -1)], dim=1)
    # Each place as one number, which are sorted many times as fast as pairs.
    places = torch.unique(both_ways[0] * num_nodes + both_ways[1])
    rows, columns = places // max(1, num_nodes), places % max(1, num_nodes)
    degrees = torch.bincount(rows, minlength=num_nodes).to(torch.float32)
    if normalization == "symmetric":
        scale = degrees.rsqrt()
        values = scale[rows] * scale[columns]
    elif normalization == "row":
        values = degrees.reciprocal()[rows]
    elif normalization == "binary":
        values = torch.ones_like(rows, dtype=torch.float32)
    else:
        raise ValueError(f"normalization must be symmetric, row or binary, got {normalization!r}")
    return Sparse.of(rows, columns, values, (num_nodes, num_nodes))


def check_nodes(adjacency: Sparse, **features: Tensor) -> None:
    """Refuse what a graph layer would spread over all nodes without a word.

    Args:
        adjacency: Â (N, N).
        features: of the nodes, by name, (N, D) each.

    Raises:
        ValueError: some features have another shape than the first, or Â has other than N rows.
    """
    (leader, first), *others = features.items()
    expected = (*first.shape,)
    for name, each in others:
        if each.shape != expected:
            raise ValueError(
                f"{name} must be as large as the {leader}, {expected}, got {(*each.shape,)}"
            )
    if adjacency.shape[0] != len(first):
        raise ValueError(
            f"the matrix must be of {len(first)} nodes, as the {leader}, got {adjacency.shape}"
        )
