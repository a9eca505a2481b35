"""What is trained: one LightningModule an experiment and architecture."""

from lightning_modules.cell_gcn import CellGCN
from lightning_modules.char_generator import CharGenerator
from lightning_modules.classifier import SequenceClassifier
from lightning_modules.gcn import GCN
from lightning_modules.gcnii import GCNII
from lightning_modules.node_classifier import NodeClassifier
from lightning_modules.predictor import Predictor
from lightning_modules.recurrent import GRU, LSTM, RNN, RRN

__all__ = [
    "GCN",
    "GCNII",
    "GRU",
    "LSTM",
    "RNN",
    "RRN",
    "CellGCN",
    "CharGenerator",
    "NodeClassifier",
    "Predictor",
    "SequenceClassifier",
]
