"""The recurrent layers as their equations read: each gate a sum of products, step after step."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class StudyLoop(nn.Module):
    """h_T of one of the four cells, as a first implementation of the study's equations has it.

    The RRN's gates are [h, x] W + b; those of the others x W + h U + b, each on its own, as in
    "Recurrent Neural Networks and Graph Neural Networks" (2019).

    Args:
        cell: RNN, LSTM, RRN or GRU.
        input_size: D.
        hidden_size: H.
    """

    def __init__(self, cell: str, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size, self.advance = hidden_size, getattr(self, cell.lower())
        gates = {"RNN": 1, "RRN": 2, "LSTM": 4, "GRU": 3}[cell]
        bound = hidden_size**-0.5

        def drawn(*shape: int) -> nn.ParameterList:
            return nn.ParameterList(
                torch.empty(shape).uniform_(-bound, bound) for _ in range(gates)
            )

        if cell == "RRN":
            self.both = drawn(hidden_size + input_size, hidden_size)
        else:
            self.w, self.u = drawn(input_size, hidden_size), drawn(hidden_size, hidden_size)
        self.b, self.inner_b = drawn(hidden_size), nn.Parameter(torch.zeros(hidden_size))

    def forward(self, inputs: Tensor) -> Tensor:
        """(T, B, D) to (B, H)."""
        hidden = cell = inputs.new_zeros(inputs.shape[1], self.hidden_size)
        for x in inputs:
            hidden, cell = self.advance(x, hidden, cell)
        return hidden

    def gate(self, number: int, x: Tensor, hidden: Tensor) -> Tensor:
        return x @ self.w[number] + hidden @ self.u[number] + self.b[number]

    def rnn(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tanh(self.gate(0, x, hidden)), cell

    def rrn(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        increment = torch.relu(torch.cat((hidden, x), dim=1) @ self.both[0] + self.b[0])
        decrement = torch.relu(torch.cat((hidden, x), dim=1) @ self.both[1] + self.b[1])
        cell = cell + increment - decrement
        return torch.relu(cell), cell

    def lstm(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        g = torch.tanh(self.gate(0, x, hidden))
        i, f, o = (torch.sigmoid(self.gate(number, x, hidden)) for number in (1, 2, 3))
        cell = g * i + cell * f
        return torch.tanh(cell) * o, cell

    def gru(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        r, z = (torch.sigmoid(self.gate(number, x, hidden)) for number in (0, 1))
        inner = hidden @ self.u[2] + self.inner_b
        n = torch.tanh(x @ self.w[2] + self.b[2] + r * inner)
        return (1 - z) * n + z * hidden, cell
