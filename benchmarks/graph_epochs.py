"""Epochs a second of the GCN against PyG's own layers.

    python -m benchmarks.graph_epochs

Both train two layers with 16 hidden units and no bias on the public training nodes of citation
graphs, whose features sum to 1 a node, on one thread: whole epochs of dropout of 0.5 on the inputs
and on the hidden features, loss, backward and Adam, with nothing evaluated. PyG's side is its
GCNConv with cached Â and its usual dense features; ours holds the features sparse.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from benchmarks.side_by_side import alternate, ratio
from datamodules import Graph
from datamodules.node_sets import read_node_set
from lightning_modules import GCN

HIDDEN, DROPOUT = 16, 0.5
# Epochs a turn, so that each takes from a third of a second to one second.
EPOCHS = {
    "Cora": {"ours": 200, "GCNConv": 10},
    "CiteSeer": {"ours": 200, "GCNConv": 5},
    "PubMed": {"ours": 40, "GCNConv": 4},
}


class PyG(nn.Module):
    """The same network of PyG's layers, on dense features, as in PyG's own examples."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.first = GCNConv(num_features, HIDDEN, cached=True, bias=False)
        self.second = GCNConv(HIDDEN, num_classes, cached=True, bias=False)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        hidden = self.first(F.dropout(features, DROPOUT, self.training), edges).relu()
        return self.second(F.dropout(hidden, DROPOUT, self.training), edges)


def trainer(
    network: nn.Module,
    groups: list[dict[str, Any]],
    inputs: tuple[Any, ...],
    nodes: Tensor,
    target: Tensor,
    epochs: int,
) -> Callable[[], float]:
    """What trains a network for some epochs at each call, and returns the seconds of one.

    Args:
        network: from its inputs to logits (N, C).
        groups: of its parameters.
        nodes: (n,), to train on.
        target: (n,), their classes.
    """
    optimizer = torch.optim.Adam(groups, lr=0.01, weight_decay=5e-4)

    def train() -> float:
        network.train()
        start = time.perf_counter()
        for _ in range(epochs):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(*inputs)[nodes], target)
            loss.backward()
            optimizer.step()
        # The speed of a network that diverges is worth nothing.
        assert loss.isfinite()
        return (time.perf_counter() - start) / epochs

    return train


def compare(name: str, rounds: int) -> None:
    """Time both sides on one graph, and print what came out."""
    data = Graph(name)
    graph, sizes = data.graph, (data.num_features, data.num_classes)
    torch.manual_seed(0)
    ours = GCN(2, HIDDEN, DROPOUT, num_features=sizes[0], num_classes=sizes[1])
    theirs = PyG(*sizes)
    their_groups = [
        {"params": theirs.first.parameters()},
        {"params": theirs.second.parameters(), "weight_decay": 0.0},
    ]
    dense = (graph.features.to_dense(), read_node_set(name).edge_index)
    target = graph.labels[graph.training]
    epochs = EPOCHS[name]
    seconds = alternate(
        {
            "ours": trainer(
                ours, ours.parameter_groups(), (graph,), graph.training, target, epochs["ours"]
            ),
            "GCNConv": trainer(
                theirs, their_groups, dense, graph.training, target, epochs["GCNConv"]
            ),
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
    parser.add_argument("--datasets", nargs="+", choices=EPOCHS, default=list(EPOCHS))
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.datasets:
        try:
            compare(name, arguments.rounds)
        except ValueError as error:
            # Such as a graph that cannot be downloaded.
            print(f"benchmarks.graph_epochs: error: {error}", file=sys.stderr)
            sys.exit(2)


if __name__ == "__main__":
    main()
