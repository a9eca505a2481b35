"""A recurrent layer that reads a sequence of digits, and a linear readout of its last state."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from torch import Tensor, nn

from layers import Recurrent, initialize
from lightning_modules.predictor import Predictor

Batch = tuple[Tensor, Tensor]


class SequenceClassifier(Predictor):
    """p = h_T W_hp + b_p, cross-entropy of softmax(p): all that RNN, LSTM, RRN and GRU share.

    An architecture is a subclass that names its `layer`. Only the last hidden state is read out
    ("Recurrent Neural Networks and Graph Neural Networks", 2019, section 1).

    Args:
        encoding: digits enter as one number each (`scalar`) or as one of num_classes units
            (`one_hot`).
        hidden_size: hidden units, n.
        initialization: of all weights, a name in `layers.INITIALIZATIONS`.
        backend: the way through time, see `layers.backends`; auto takes compiled code on a CPU,
            torch's kernels or Triton's on a GPU, and else the loop.
        num_classes: digits that are told apart, both read and predicted; the data's.

    Raises:
        ValueError: hidden_size is below 1, or the initialization or the backend is unknown.
    """

    reads = "digits"

    @property
    @abstractmethod
    def layer(self) -> type[Recurrent]:
        """The class of the recurrent layer; a subclass sets it as an attribute."""

    def __init__(
        self,
        encoding: Literal["scalar", "one_hot"] = "scalar",
        hidden_size: int = 128,
        initialization: str = "torch",
        backend: Literal["auto", "loop", "numba", "torch", "triton"] = "auto",
        num_classes: int = 10,
    ) -> None:
        super().__init__(num_classes)
        self.save_hyperparameters()
        self.encoding = encoding
        self.recurrent = self.make_layer(1 if encoding == "scalar" else num_classes)
        self.readout = nn.Linear(hidden_size, num_classes)
        initialize(self.readout, initialization, hidden_size)

    def make_layer(self, input_size: int) -> Recurrent:
        """The recurrent layer; an architecture whose layer has further settings passes them."""
        settings = self.hparams
        return self.layer(
            input_size, settings.hidden_size, settings.initialization, backend=settings.backend
        )

    def encode(self, digits: Tensor) -> Tensor:
        """Digits (B, T) as the layer reads them, time first.

        As numbers, (T, B, 1); or one-hot, (T, B) of whole numbers, which the layer looks up.
        """
        digits = digits.t()
        if self.encoding == "one_hot":
            return digits
        return digits.unsqueeze(-1).to(self.readout.weight.dtype)

    def forward(self, digits: Tensor) -> Tensor:
        """Digits (B, T) to the logits of the digit that comes next, (B, num_classes)."""
        hidden, *_ = self.recurrent.last_state(self.encode(digits))
        return self.readout(hidden)

    def predictions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits (B, num_classes) of the last digit, and the digit itself (B,)."""
        digits, target = batch
        return self(digits), target
