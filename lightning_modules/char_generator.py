"""The character generator: a recurrent network that predicts each next character of a text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from layers import CELLS, CharacterNetwork, State
from lightning_modules.predictor import Predictor


class Batch(Protocol):
    """Rows of a text; `continues` says whether each goes on where it ended in the batch before.

    The last rows of the batch before may have come to their end.
    """

    characters: Tensor
    next_characters: Tensor
    continues: bool


class CharGenerator(Predictor):
    """Predict every character of a text from those before it, with cross-entropy at each of them.

    Where a batch continues the one before, the hidden state is carried over, and the gradient
    ends at the beginning of the batch (Karpathy 2015, char-rnn); else the state starts from zeros
    ("Recurrent Neural Networks and Graph Neural Networks", 2019, section 2). `carries_on` says
    whether the cell can go through a whole text so: the RRN's state would overflow.

    Args:
        cell: of the recurrent layers.
        hidden_size: units of each layer.
        num_layers: recurrent layers on top of each other.
        dropout: share of hidden units dropped between two layers while training.
        initialization: of all weights, a name in `layers.INITIALIZATIONS`.
        backend: the way through time, see `layers.backends`; auto takes compiled code on a CPU,
            torch's kernels or Triton's on a GPU, and else the loop.
        num_classes: characters that are told apart, both read and predicted; the data's.

    Raises:
        ValueError: an argument is out of its range.
    """

    reads = "characters"
    loss_units = {"bits_per_character": math.log(2)}

    def __init__(
        self,
        cell: Literal["RNN", "LSTM", "RRN", "GRU"] = "LSTM",
        hidden_size: int = 128,
        num_layers: int = 2,
        dropout: float = 0.0,
        initialization: str = "torch",
        backend: Literal["auto", "loop", "numba", "torch", "triton"] = "auto",
        num_classes: int = 256,
    ) -> None:
        super().__init__(num_classes)
        self.save_hyperparameters()
        self.network = CharacterNetwork(
            cell, num_classes, hidden_size, num_layers, dropout, initialization, backend
        )
        self.carries_on = CELLS[cell].bounded
        # Of the training, and of the evaluation that interrupts it.
        self.carried: dict[bool, State] = {}

    def forward(self, characters: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Characters (B, T) to logits (B, T, num_classes) of the next ones, and the last state."""
        logits, state = self.network(characters.t(), state)
        return logits.transpose(0, 1), state

    def predictions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits (B * T, num_classes) of all next characters, and these (B * T,)."""
        state = self.carried.get(self.training) if batch.continues else None
        if state is not None:
            rows = len(batch.characters)
            state = tuple(tensor[:rows].to(self.device) for tensor in state)
        logits, state = self.network(batch.characters.t(), state)
        self.carried[self.training] = tuple(tensor.detach() for tensor in state)
        return logits.flatten(0, 1), batch.next_characters.t().flatten()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Within, no state is carried over to the batch that comes next."""
        carried = dict(self.carried)
        try:
            yield
        finally:
            self.carried = carried

    def score(self, metrics: Mapping[str, float]) -> list[float]:
        """The lower the loss, the better."""
        return [-float(metrics["loss/validation"])]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state carried by all rows of the batch, over all devices."""
        super().on_save_checkpoint(checkpoint)
        state = [tensor.cpu() for tensor in self.carried.get(True, ())]
        devices = self.trainer.world_size if state else 1
        if devices > 1:
            shares: list[Any] = [None] * devices
            torch.distributed.all_gather_object(shares, state)
            state = [torch.cat(rows) for rows in zip(*shares, strict=True)]
        checkpoint["carried_state"] = state

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take this device's rows of the carried state, also of another number of devices."""
        super().on_load_checkpoint(checkpoint)
        state = checkpoint.get("carried_state")
        if state:
            rank, devices = self.trainer.global_rank, self.trainer.world_size
            self.carried[True] = tuple(tensor.chunk(devices)[rank] for tensor in state)
