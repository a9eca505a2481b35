"""FlashRNN (Pöppel, Beck and Hochreiter 2024), to compare with on a GPU."""

from __future__ import annotations

from importlib import import_module

import torch
from torch import Tensor, nn

# What FlashRNN calls our cells, and how many gates they have there.
FUNCTIONS = {"RNN": ("elman", 1), "LSTM": ("lstm", 4), "GRU": ("gru", 3)}


class FlashRNN(nn.Module):
    """(T, B, D) to the last hidden state (B, H), by FlashRNN's fused kernels, which know bfloat16.

    Args:
        cell: RNN, LSTM or GRU.
        input_size: D.
        hidden_size: H.
        backend: `vanilla` computes the same on a CPU, step by step.

    Raises:
        ImportError: FlashRNN is not installed.
    """

    def __init__(
        self, cell: str, input_size: int, hidden_size: int, backend: str = "cuda_fused"
    ) -> None:
        super().__init__()
        self.walk = import_module("flashrnn").flashrnn
        self.function, self.gates = FUNCTIONS[cell]
        self.hidden_size, self.backend = hidden_size, backend
        self.from_inputs = nn.Linear(input_size, self.gates * hidden_size, bias=False)
        bound = hidden_size**-0.5
        self.recurrent = nn.Parameter(
            torch.empty(self.gates, 1, hidden_size, hidden_size).uniform_(-bound, bound)
        )
        # The GRU has one for the product with the hidden state too.
        biases = 4 if cell == "GRU" else self.gates
        self.bias = nn.Parameter(torch.empty(biases, 1, hidden_size).uniform_(-bound, bound))

    def forward(self, inputs: Tensor) -> Tensor:
        kind = torch.float32 if self.backend == "vanilla" else torch.bfloat16
        # By examples, gates and its heads, of which there is one.
        parts = self.from_inputs(inputs).unflatten(2, (self.gates, 1, self.hidden_size))
        _, last = self.walk(
            parts.transpose(0, 1).to(kind),
            self.recurrent.to(kind),
            self.bias.to(kind),
            function=self.function,
            backend=self.backend,
            dtype=str(kind).removeprefix("torch."),
        )
        # States, examples, a single step, heads.
        hidden: Tensor = last[0].flatten(1).float()
        return hidden
