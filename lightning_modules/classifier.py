"""A recurrent layer that reads a sequence of digits, and a linear readout of its last state."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from layers import Recurrent, initialize

Batch = tuple[Tensor, Tensor]


class SequenceClassifier(LightningModule):
    """p = h_T W_hp + b_p, cross-entropy of softmax(p): all that RNN, LSTM, RRN and GRU share.

    An architecture is a subclass that names its `layer`. Only the last hidden state is read out
    ("Recurrent Neural Networks and Graph Neural Networks", 2019, section 1).

    Args:
        encoding: digits enter as one number each (`scalar`) or as one of num_classes units
            (`one_hot`).
        hidden_size: hidden units, n.
        initialization: of all weights, a name in `layers.INITIALIZATIONS`.
        num_classes: digits that are told apart, both read and predicted; the data's.

    Raises:
        ValueError: hidden_size is below 1, or the initialization is unknown.
    """

    layer: ClassVar[type[Recurrent] | None] = None

    def __init__(
        self,
        encoding: Literal["scalar", "one_hot"] = "scalar",
        hidden_size: int = 128,
        initialization: str = "study",
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.encoding, self.num_classes = encoding, num_classes
        self.recurrent = self.make_layer(1 if encoding == "scalar" else num_classes)
        self.readout = nn.Linear(hidden_size, num_classes)
        initialize(self.readout, initialization, hidden_size)
        self.metrics = nn.ModuleDict(
            {
                # A loss that is no number shows: by default the metric would leave it out.
                "loss": MeanMetric(nan_strategy="disable"),
                "accuracy": MulticlassAccuracy(num_classes, average="micro"),
            }
        )

    def make_layer(self, input_size: int) -> Recurrent:
        """The recurrent layer; an architecture whose layer has further settings passes them."""
        if self.layer is None:
            raise ValueError(f"{type(self).__name__} has no layer; its subclasses have")
        return self.layer(input_size, self.hparams.hidden_size, self.hparams.initialization)

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes about forty times a step which hook it is in, and torch.nn.Module asks
        # each time whether that is a parameter, a module or a buffer: a tenth of all overhead.
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def encode(self, digits: Tensor) -> Tensor:
        """Digits (B, T) as the layer reads them, time first: (T, B, 1) or (T, B, num_classes)."""
        digits = digits.t()
        if self.encoding == "scalar":
            return digits.unsqueeze(-1).to(self.readout.weight.dtype)
        return F.one_hot(digits, self.num_classes).to(self.readout.weight.dtype)

    def forward(self, digits: Tensor) -> Tensor:
        """Digits (B, T) to the logits of the digit that comes next, (B, num_classes)."""
        _, state = self.recurrent(self.encode(digits))
        return self.readout(state[0])

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Mean loss (with its graph) and accuracy of a batch; callbacks log and watch them."""
        digits, target = batch
        logits = self(digits)
        accuracy = (logits.argmax(dim=1) == target).float().mean()
        return {"loss": F.cross_entropy(logits, target), "accuracy": accuracy}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._measure(batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._measure(batch)

    def on_validation_epoch_end(self) -> None:
        self._report("validation")

    def on_test_epoch_end(self) -> None:
        self._report("test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The study's RMSprop, for who trains without the command line and its --optimizer."""
        return torch.optim.RMSprop(self.parameters(), lr=1e-3)

    def _measure(self, batch: Batch) -> None:
        digits, target = batch
        logits = self(digits)
        self.metrics["loss"].update(F.cross_entropy(logits, target, reduction="none"))
        self.metrics["accuracy"].update(logits, target)

    def _report(self, stage: str) -> None:
        # Lightning computes the metrics over all ranks, and callbacks write them at their step.
        for name, metric in self.metrics.items():
            self.log(f"{name}/{stage}", metric, logger=False)
