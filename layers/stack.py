"""Recurrent layers on top of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from layers.recurrent import Recurrent, State


class Stack(nn.Module):
    """Recurrent layers of which each reads the hidden states of the one below.

    Between two layers, while training, hidden units are dropped with probability p, as in
    torch.nn.LSTM (Zaremba, Sutskever and Vinyals 2014: never on the way through time). It keeps
    the calling convention of a single layer; the state is that of all layers, the lowest first.

    Args:
        layers: from the lowest to the highest; each reads as many units as the one below has.
        dropout: p, from 0 to below 1.

    Raises:
        ValueError: there is no layer, or dropout is out of its range.
    """

    def __init__(self, layers: Sequence[Recurrent], dropout: float = 0.0) -> None:
        super().__init__()
        if not layers:
            raise ValueError("a stack needs at least 1 layer")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {dropout}")
        self.layers = nn.ModuleList(layers)
        self.dropout = dropout

    def initial_state(self, batch_size: int) -> State:
        """The state before the first step: zeros, (B, H) each."""
        return tuple(zeros for layer in self._cells() for zeros in layer.initial_state(batch_size))

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step: (B, D) and a state to the highest layer's h (B, H) and the new state."""
        return self._climb(lambda layer, below, own: layer.step(below, own), inputs, state)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Walk through time, layer by layer.

        Args:
            inputs: (T, B, D), or (T, B) of whole numbers, as the lowest layer takes them.
            state: where to start from, (B, H) each; zeros if None.

        Returns:
            The hidden states of the highest layer (T, B, H), and the last state of all layers.

        Raises:
            ValueError: the inputs or the state have the wrong shape.
        """
        return self._climb(lambda layer, below, own: layer(below, own), inputs, state)

    def _climb(
        self,
        run: Callable[[Recurrent, Tensor, Any], tuple[Tensor, State]],
        inputs: Tensor,
        state: State | None,
    ) -> tuple[Tensor, State]:
        expected = sum(layer.state_tensors for layer in self._cells())
        if state is not None and len(state) != expected:
            raise ValueError(f"state must have {expected} tensors, got {len(state)}")
        after: State = ()
        for number, layer in enumerate(self._cells()):
            own = None
            if state is not None:
                own, state = state[: layer.state_tensors], state[layer.state_tensors :]
            if number:
                inputs = F.dropout(inputs, self.dropout, self.training)
            inputs, own = run(layer, inputs, own)
            after += own
        return inputs, after

    def _cells(self) -> Iterator[Recurrent]:
        for layer in self.layers:
            assert isinstance(layer, Recurrent)
            yield layer
