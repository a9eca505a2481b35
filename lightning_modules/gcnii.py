"""The graph convolutional network that can be stacked deep, GCNII."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from layers import GCNIIConvolution, Sparse, SparseLinear
from lightning_modules.node_classifier import Graph, NodeClassifier


class GCNII(NodeClassifier):
    """Features mapped to H⁰, graph convolutions that mix it in, and a linear readout.

    Chen et al. (2020), "Simple and deep graph convolutional networks".

    Args:
        num_layers: graph convolutions; a node sees as many hops far. At least 1.
        hidden_size: features of a node in each of them.
        dropout: share of the features that is dropped before each layer while training.
        alpha: α, the share of H⁰ in each layer.
        lam: λ, how much of a map the layers are.
        convolution_decay: weight decay of the convolutions; the optimiser's own weight_decay acts
            on the first map and the readout.
        initialization: of all weights, a name in `layers.INITIALIZATIONS`.
        num_features: of a node; the data's.
        num_classes: that are told apart; the data's.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        num_layers: int = 64,
        hidden_size: int = 64,
        dropout: float = 0.6,
        alpha: float = 0.1,
        lam: float = 0.5,
        convolution_decay: float = 0.01,
        initialization: str = "torch",
        num_features: int = 1433,
        num_classes: int = 7,
    ) -> None:
        super().__init__(num_layers, hidden_size, dropout, num_classes)
        if convolution_decay < 0:
            raise ValueError(f"convolution_decay must be at least 0, got {convolution_decay}")
        self.save_hyperparameters()
        self.first = SparseLinear(num_features, hidden_size, initialization)
        self.convolutions = nn.ModuleList(
            GCNIIConvolution(hidden_size, layer, alpha, lam, torch.relu, initialization)
            for layer in range(1, num_layers + 1)
        )
        self.readout = SparseLinear(hidden_size, num_classes, initialization)

    def hidden(self, graph: Graph) -> Tensor:
        first = hidden = torch.relu(self.first(self.drop(graph.features)))
        for convolution in self.convolutions:
            hidden = convolution(self.drop(hidden), first, graph.adjacency)
        return hidden

    def read_out(self, hidden: Tensor | Sparse, graph: Graph) -> Tensor:
        logits: Tensor = self.readout(self.drop(hidden))
        return logits

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The convolutions have a weight decay of their own."""
        return [
            {
                "params": list(self.convolutions.parameters()),
                "weight_decay": self.hparams.convolution_decay,
            },
            {"params": [*self.first.parameters(), *self.readout.parameters()]},
        ]
