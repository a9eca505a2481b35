"""The architectures that are compared on palindromes, one class each."""

from __future__ import annotations

from typing import Any

import layers
from lightning_modules.classifier import SequenceClassifier


class RNN(SequenceClassifier):
    """Classifier on the plain recurrent network, `layers.RNN`."""

    layer = layers.RNN


class LSTM(SequenceClassifier):
    """Classifier on the long short-term memory, `layers.LSTM`.

    Args:
        forget_bias: added to the bias of the forget gate at the start; 1 or 2 help it remember.
    """

    layer = layers.LSTM

    def __init__(self, forget_bias: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def make_layer(self, input_size: int) -> layers.LSTM:
        settings = self.hparams
        return layers.LSTM(
            input_size,
            settings.hidden_size,
            settings.initialization,
            settings.forget_bias,
            settings.backend,
        )


class RRN(SequenceClassifier):
    """Classifier on the recurrent ReLU network, `layers.RRN`.

    Args:
        inhibitory: keeps recurrent weights at or below zero, so that long sequences cannot make
            the state grow exponentially.
    """

    layer = layers.RRN

    def __init__(self, inhibitory: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def make_layer(self, input_size: int) -> layers.RRN:
        settings = self.hparams
        return layers.RRN(
            input_size,
            settings.hidden_size,
            settings.initialization,
            settings.backend,
            settings.inhibitory,
        )

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        self.recurrent.constrain()


class GRU(SequenceClassifier):
    """Classifier on the gated recurrent unit, `layers.GRU`."""

    layer = layers.GRU
