"""The network that writes: from characters to what may come next."""

from __future__ import annotations

from torch import Tensor, nn

from layers.gru import GRU
from layers.initialization import initialize
from layers.lstm import LSTM
from layers.recurrent import Recurrent, State
from layers.rnn import RNN
from layers.rrn import RRN
from layers.stack import Stack

CELLS: dict[str, type[Recurrent]] = {"RNN": RNN, "LSTM": LSTM, "RRN": RRN, "GRU": GRU}


class CharacterNetwork(nn.Module):
    """Logits of the next character after each character: p_t = h_t W_hp + b_p.

    h_t is the highest layer's hidden state. The lowest reads a character as a one-hot vector,
    by look-up ("Recurrent Neural Networks and Graph Neural Networks", 2019, section 2).

    Args:
        cell: RNN, LSTM, RRN or GRU.
        symbols: V, characters that there are.
        hidden_size: H, units of each layer.
        num_layers: recurrent layers on top of each other.
        dropout: share of hidden units dropped between two layers while training.
        initialization: of all weights, a name in `layers.INITIALIZATIONS`.
        backend: the way through time, a name in `layers.backends.choice.BACKENDS`.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        cell: str,
        symbols: int,
        hidden_size: int = 128,
        num_layers: int = 2,
        dropout: float = 0.0,
        initialization: str = "torch",
        backend: str = "auto",
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"unknown cell {cell}; there are {', '.join(CELLS)}")
        if num_layers < 1:
            raise ValueError(f"num_layers must be at least 1, got {num_layers}")
        sizes = [symbols] + [hidden_size] * (num_layers - 1)
        self.recurrent = Stack(
            [CELLS[cell](size, hidden_size, initialization, backend=backend) for size in sizes],
            dropout,
        )
        self.readout = nn.Linear(hidden_size, symbols)
        initialize(self.readout, initialization, hidden_size)

    def initial_state(self, batch_size: int) -> State:
        """The state before the first character: zeros, (B, H) each."""
        return self.recurrent.initial_state(batch_size)

    def forward(self, characters: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Characters (T, B), whole numbers below V, to logits (T, B, V) and the last state."""
        hidden, state = self.recurrent(characters, state)
        return self.readout(hidden), state

    def step(self, characters: Tensor, state: State) -> tuple[Tensor, State]:
        """One character each, (B), and a state to logits (B, V) and the new state."""
        hidden, state = self.recurrent.step(characters, state)
        return self.readout(hidden), state
