"""The mathematics: layers on torch.nn alone, one block of equations a file."""

from layers.character_network import CELLS, CharacterNetwork
from layers.gru import GRU
from layers.initialization import INITIALIZATIONS, initialize
from layers.lstm import LSTM
from layers.recurrent import Recurrent, State
from layers.rnn import RNN
from layers.rrn import RRN
from layers.stack import Stack

__all__ = [
    "CELLS",
    "CharacterNetwork",
    "GRU",
    "INITIALIZATIONS",
    "LSTM",
    "RNN",
    "RRN",
    "Recurrent",
    "Stack",
    "State",
    "initialize",
]
