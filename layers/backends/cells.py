"""What is particular to each cell, for the walk that they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from layers.backends import kernels
from layers.gru import GRU
from layers.lstm import LSTM
from layers.recurrent import Recurrent
from layers.rnn import RNN
from layers.rrn import RRN


@dataclass(frozen=True)
class Cell:
    """A cell on a CPU.

    Attributes:
        forwards, backwards: its walks, see :mod:`layers.backends.kernels`.
        blocks: of H columns, of the products.
        kept: blocks of the tape.
        of_bits: whether the tape holds bits, in bytes.
        has_cell: whether there is a cell state beside the hidden state.
    """

    forwards: Callable[..., bool]
    backwards: Callable[..., None]
    blocks: int
    kept: int = 0
    of_bits: bool = False
    has_cell: bool = False


CELLS: dict[type[Recurrent], Cell] = {
    RNN: Cell(kernels.rnn_forwards, kernels.rnn_backwards, blocks=1),
    RRN: Cell(
        kernels.rrn_forwards,
        kernels.rrn_backwards,
        blocks=2,
        kept=1,
        of_bits=True,
        has_cell=True,
    ),
    LSTM: Cell(
        kernels.lstm_forwards,
        kernels.lstm_backwards,
        blocks=4,
        kept=4,
        has_cell=True,
    ),
    # n, r, z, q: the input goes to the first three, the hidden state to the last three.
    GRU: Cell(kernels.gru_forwards, kernels.gru_backwards, blocks=4, kept=4),
}
