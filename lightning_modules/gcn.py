"""The graph convolutional network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from layers import GraphConvolution, Sparse
from lightning_modules.node_classifier import Graph, NodeClassifier


class GCN(NodeClassifier):
    """H' = ReLU(Â H W), layer after layer, and the logits from a last one without ReLU.

    Kipf and Welling (2017), "Semi-supervised classification with graph convolutional networks".

    Args:
        num_layers: graph convolutions; a node sees as many hops far. At least 1.
        hidden_size: features of a node between two layers.
        dropout: share of the features that is dropped before each layer while training.
        bias: whether the layers have one; those of the paper have none.
        decayed_layers: first layers that the optimiser's weight_decay acts on; the paper has 1.
        initialization: of all weights, a name in `layers.INITIALIZATIONS`.
        num_features: of a node; the data's.
        num_classes: that are told apart; the data's.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        num_layers: int = 2,
        hidden_size: int = 16,
        dropout: float = 0.5,
        bias: bool = False,
        decayed_layers: int = 1,
        initialization: str = "xavier",
        num_features: int = 1433,
        num_classes: int = 7,
    ) -> None:
        super().__init__(num_layers, hidden_size, dropout, num_classes)
        if not 0 <= decayed_layers <= num_layers:
            raise ValueError(
                f"decayed_layers must be from 0 to num_layers {num_layers}, got {decayed_layers}"
            )
        self.save_hyperparameters()
        sizes = [num_features, *[hidden_size] * (num_layers - 1), num_classes]
        self.convolutions = nn.ModuleList(
            GraphConvolution(size, next_size, initialization=initialization, bias=bias)
            for size, next_size in zip(sizes[:-1], sizes[1:], strict=True)
        )

    def hidden(self, graph: Graph) -> Tensor | Sparse:
        features = graph.features
        for convolution in self.convolutions[:-1]:
            features = self.drop(features)
            features = torch.relu(convolution(features, graph.adjacency))
        return features

    def read_out(self, hidden: Tensor | Sparse, graph: Graph) -> Tensor:
        logits: Tensor = self.convolutions[-1](self.drop(hidden), graph.adjacency)
        return logits

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The optimiser's weight decay acts on the first layers alone."""
        decayed = self.hparams.decayed_layers
        return [
            {"params": list(self.convolutions[:decayed].parameters())},
            {"params": list(self.convolutions[decayed:].parameters()), "weight_decay": 0.0},
        ]
