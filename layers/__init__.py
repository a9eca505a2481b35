"""The mathematics: layers on torch.nn alone, one block of equations a file."""

from layers.adjacency import normalized_adjacency
from layers.cell_graph_convolution import CellGraphConvolution
from layers.character_network import CELLS, CharacterNetwork
from layers.dropout import Matrix, dropout
from layers.gcnii import GCNIIConvolution
from layers.graph_convolution import GraphConvolution
from layers.gru import GRU
from layers.initialization import INITIALIZATIONS, initialize
from layers.jacobians import largest_singular_values
from layers.lstm import LSTM
from layers.recurrent import Recurrent, State
from layers.rnn import RNN
from layers.rrn import RRN
from layers.sparse import Sparse, multiply
from layers.sparse_linear import SparseLinear
from layers.stack import Stack
from layers.trace import Trace, traced

__all__ = [
    "CELLS",
    "CellGraphConvolution",
    "CharacterNetwork",
    "GCNIIConvolution",
    "GRU",
    "GraphConvolution",
    "INITIALIZATIONS",
    "LSTM",
    "Matrix",
    "RNN",
    "RRN",
    "Recurrent",
    "Sparse",
    "SparseLinear",
    "Stack",
    "State",
    "Trace",
    "dropout",
    "initialize",
    "largest_singular_values",
    "multiply",
    "normalized_adjacency",
    "traced",
]
