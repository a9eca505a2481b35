"""Epochs a second of the graph convolution against PyG's own.

    DATA_ROOT=FOLDER python -m benchmarks.graph_epochs

Both train two layers with 16 hidden units on the public training nodes of citation graphs, whose
features sum to 1 a node, on one thread: whole epochs of dropout of 0.5 on the inputs and on the
hidden features, loss, backward and Adam, with nothing evaluated. PyG's side is its GCNConv with
cached Â and its usual dense features; ours holds the features sparse. The graphs are read from
$DATA_ROOT/planetoid/ind.NAME.*; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.io import read_planetoid_data
from torch_geometric.nn import GCNConv

from benchmarks.side_by_side import alternate, ratio
from layers import GraphConvolution, Sparse, dropout, normalized_adjacency, sparse_dropout

HIDDEN, DROPOUT = 16, 0.5
DATASETS = ("cora", "citeseer", "pubmed")
PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")
# Epochs a turn, so that each takes from a third of a second to one second.
EPOCHS = {
    "cora": {"ours": 200, "GCNConv": 10},
    "citeseer": {"ours": 200, "GCNConv": 5},
    "pubmed": {"ours": 40, "GCNConv": 4},
}


class Ours(nn.Module):
    """Two graph convolutions on sparse features."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.first = GraphConvolution(num_features, HIDDEN, activation=torch.relu)
        self.second = GraphConvolution(HIDDEN, num_classes)

    def forward(self, features: Sparse, adjacency: Sparse) -> Tensor:
        hidden = self.first(sparse_dropout(features, DROPOUT, self.training), adjacency)
        return self.second(dropout(hidden, DROPOUT, self.training), adjacency)


class PyG(nn.Module):
    """The same on dense features, as in PyG's own examples."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.first = GCNConv(num_features, HIDDEN, cached=True)
        self.second = GCNConv(HIDDEN, num_classes, cached=True)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        hidden = self.first(F.dropout(features, DROPOUT, self.training), edges).relu()
        return self.second(F.dropout(hidden, DROPOUT, self.training), edges)


def give_up(reason: str) -> NoReturn:
    """End with one line about what is missing, and exit code 2."""
    print(f"graph_epochs: {reason}", file=sys.stderr)
    sys.exit(2)


def read(name: str) -> Data:
    """A citation graph, the features of each node divided by their sum."""
    root = os.environ.get("DATA_ROOT")
    if not root:
        give_up("DATA_ROOT is not set: it must name the folder that holds planetoid/ind.NAME.*")
    folder = Path(root) / "planetoid"
    for part in PARTS:
        path = folder / f"ind.{name}.{part}"
        if not path.is_file():
            give_up(f"{path} is missing: set DATA_ROOT to the folder that holds planetoid/")
    data = read_planetoid_data(str(folder), name)
    data.x = data.x / data.x.sum(dim=1, keepdim=True).clamp(min=1e-12)
    return data


def stopwatch(
    network: nn.Module, inputs: tuple[object, ...], data: Data, epochs: int
) -> Callable[[], float]:
    """What trains a network for some epochs at each call, and returns the seconds of one."""
    training = data.train_mask.nonzero().flatten()
    target = data.y[training]
    optimizer = torch.optim.Adam(
        [
            {"params": network.first.parameters(), "weight_decay": 5e-4},
            {"params": network.second.parameters(), "weight_decay": 0},
        ],
        lr=0.01,
    )

    def train() -> float:
        network.train()
        start = time.perf_counter()
        for _ in range(epochs):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(*inputs)[training], target)
            loss.backward()
            optimizer.step()
        # The speed of a network that diverges is worth nothing.
        assert loss.isfinite()
        return (time.perf_counter() - start) / epochs

    return train


def compare(name: str, rounds: int) -> None:
    """Time both sides on one graph, and print what came out."""
    data = read(name)
    sizes = (data.num_features, int(data.y.max()) + 1)
    torch.manual_seed(0)
    sparse = (Sparse.from_dense(data.x), normalized_adjacency(data.edge_index, data.num_nodes))
    dense = (data.x, data.edge_index)
    seconds = alternate(
        {
            "ours": stopwatch(Ours(*sizes), sparse, data, EPOCHS[name]["ours"]),
            "GCNConv": stopwatch(PyG(*sizes), dense, data, EPOCHS[name]["GCNConv"]),
        },
        rounds,
    )
    for side, taken in seconds.items():
        middle = statistics.median(taken)
        print(f"{name:8} {side:7} {1000 * middle:7.2f} ms an epoch, {1 / middle:6.1f} epochs/s")
    middle, least, most = ratio(seconds["GCNConv"], seconds["ours"])
    print(f"{name:8} ours / GCNConv: {middle:.1f} times as fast (from {least:.1f} to {most:.1f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.datasets:
        compare(name, arguments.rounds)


if __name__ == "__main__":
    main()
