"""The graph convolutional network whose nodes have gates and a private cell."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from layers import CellGraphConvolution, Sparse, SparseLinear
from lightning_modules.node_classifier import Graph, NodeClassifier


class CellGCN(NodeClassifier):
    """Features mapped to H⁰, one gated graph convolution applied many times, a linear readout.

    The idea that "Recurrent Neural Networks and Graph Neural Networks" (2019) ends with: see
    `layers.CellGraphConvolution` for the equations. All layers share their weights, as the steps
    of a recurrent network do, so the parameters do not grow with the depth.

    Args:
        num_layers: times that the convolution is applied; a node sees as many hops far.
        hidden_size: features of a node, and numbers in its cell.
        dropout: share of the features that is dropped before each layer while training.
        restart: share of H⁰ in each message. With 0 the cell alone keeps nodes apart.
        forget_bias: how long a cell remembers at first, see the layer; null: as many layers as
            there are, log(num_layers).
        first_cell: `empty`, or what the cell begins with: the `features`, H⁰.
        initialization: of all weights, a name in `layers.INITIALIZATIONS`.
        num_features: of a node; the data's.
        num_classes: that are told apart; the data's.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        num_layers: int = 8,
        hidden_size: int = 64,
        dropout: float = 0.5,
        restart: float = 0.1,
        forget_bias: float | None = 1.0,
        first_cell: Literal["empty", "features"] = "empty",
        initialization: str = "xavier",
        num_features: int = 1433,
        num_classes: int = 7,
    ) -> None:
        super().__init__(num_layers, hidden_size, dropout, num_classes)
        if first_cell not in ("empty", "features"):
            raise ValueError(f"first_cell must be empty or features, got {first_cell!r}")
        self.save_hyperparameters()
        self.first = SparseLinear(num_features, hidden_size, initialization)
        memory = math.log(num_layers) if forget_bias is None else forget_bias
        self.convolution = CellGraphConvolution(
            hidden_size, restart, memory, initialization=initialization
        )
        self.readout = SparseLinear(hidden_size, num_classes, initialization)

    def hidden(self, graph: Graph) -> Tensor:
        first = hidden = torch.relu(self.first(self.drop(graph.features)))
        cell = first if self.hparams.first_cell == "features" else torch.zeros_like(first)
        for _ in range(self.hparams.num_layers):
            hidden, cell = self.convolution(self.drop(hidden), cell, first, graph.adjacency)
        return hidden

    def read_out(self, hidden: Tensor | Sparse, graph: Graph) -> Tensor:
        logits: Tensor = self.readout(self.drop(hidden))
        return logits
