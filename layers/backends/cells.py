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
    """A cell on a CPU. Sizes are in blocks of H columns.

    Attributes:
        forward, backward: its kernels, see :mod:`layers.backends.kernels`.
        blocks: of the products.
        from_input, from_hidden: those that the products with the input and with the hidden state
            go to: the first, and one after the last.
        kept: blocks of the tape.
        of_bits: whether the tape holds bits, in bytes.
        in_place: whether the gradient of the products is written over the tape.
        has_cell: whether there is a cell state beside the hidden state.
        passes_hidden: whether the hidden state goes into the next one also past the product.
    """

    forward: Callable[..., None]
    backward: Callable[..., None]
    blocks: int
    from_input: tuple[int, int]
    from_hidden: tuple[int, int]
    kept: int = 0
    of_bits: bool = False
    in_place: bool = False
    has_cell: bool = False
    passes_hidden: bool = False


CELLS: dict[type[Recurrent], Cell] = {
    RNN: Cell(kernels.rnn_forward, kernels.rnn_backward, 1, (0, 1), (0, 1)),
    RRN: Cell(
        kernels.rrn_forward,
        kernels.rrn_backward,
        blocks=2,
        from_input=(0, 2),
        from_hidden=(0, 2),
        kept=1,
        of_bits=True,
        has_cell=True,
    ),
    LSTM: Cell(
        kernels.lstm_forward,
        kernels.lstm_backward,
        blocks=4,
        from_input=(0, 4),
        from_hidden=(0, 4),
        kept=4,
        in_place=True,
        has_cell=True,
    ),
    # n, r, z, q: the input goes to the first three, the hidden state to the last three.
    GRU: Cell(
        kernels.gru_forward,
        kernels.gru_backward,
        blocks=4,
        from_input=(0, 3),
        from_hidden=(1, 4),
        kept=4,
        in_place=True,
        passes_hidden=True,
    ),
}
