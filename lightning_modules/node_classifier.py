"""What all graph networks share that tell the classes of nodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from layers import Matrix, Sparse, dropout
from lightning_modules.predictor import Predictor


class Graph(Protocol):
    """A whole graph of N nodes with D features; which nodes are trained on, and which held out."""

    features: Tensor | Sparse
    adjacency: Sparse
    labels: Tensor
    training: Tensor
    validation: Tensor
    test: Tensor


class NodeClassifier(Predictor):
    """Cross-entropy over the nodes whose classes are known, given the whole graph.

    A network is a subclass that writes :meth:`hidden` and :meth:`read_out`.

    Args:
        num_layers: of the network.
        hidden_size: features of a node between two layers.
        dropout: share of the features that :meth:`drop` drops.
        num_classes: C, that are told apart.

    Raises:
        ValueError: an argument is out of its range.
    """

    reads = "graphs"

    def __init__(self, num_layers: int, hidden_size: int, dropout: float, num_classes: int) -> None:
        super().__init__(num_classes)
        for name, number in (("num_layers", num_layers), ("hidden_size", hidden_size)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {dropout}")
        self.dropout = dropout

    @abstractmethod
    def hidden(self, graph: Graph) -> Tensor | Sparse:
        """The last hidden layer of all nodes (N, H); where there is none, the features (N, D)."""

    @abstractmethod
    def read_out(self, hidden: Tensor | Sparse, graph: Graph) -> Tensor:
        """Logits (N, C) from the last hidden layer."""

    def drop(self, features: Matrix) -> Matrix:
        """Drop features of nodes while training."""
        return dropout(features, self.dropout, self.training)

    def forward(self, graph: Graph) -> Tensor:
        """Logits (N, C) of all nodes."""
        return self.read_out(self.hidden(graph), graph)

    def predictions(self, batch: Graph) -> tuple[Tensor, Tensor]:
        """Logits (n, C) of the nodes to train on, and their classes (n,)."""
        return self(batch)[batch.training], batch.labels[batch.training]

    def measured(self, batch: Graph, stage: str) -> dict[str, tuple[Tensor, Tensor]]:
        """Of the nodes held out; a validation measures the test nodes as well, at no cost.

        Only the validation decides about anything.
        """
        logits = self(batch)
        stages = ("validation", "test") if self.trainer.state.fn == "fit" else (stage,)
        parts = {"validation": batch.validation, "test": batch.test}
        return {name: (logits[parts[name]], batch.labels[parts[name]]) for name in stages}

    def predict_step(self, batch: Graph, batch_idx: int) -> tuple[Tensor, Tensor]:
        """The likeliest class (N,) int64 of each node, and its probability (N,)."""
        probabilities, classes = self(batch).softmax(dim=1).max(dim=1)
        return classes, probabilities

    def score(self, metrics: Mapping[str, Any]) -> list[float]:
        """The lower the loss, the better: what Kipf and Welling (2017) stop by."""
        return [-float(metrics["loss/validation"])]
