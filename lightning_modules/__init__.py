"""What is trained: one LightningModule an experiment and architecture."""

from lightning_modules.char_generator import CharGenerator
from lightning_modules.classifier import SequenceClassifier
from lightning_modules.predictor import Predictor
from lightning_modules.recurrent import GRU, LSTM, RNN, RRN

__all__ = ["GRU", "LSTM", "RNN", "RRN", "CharGenerator", "Predictor", "SequenceClassifier"]
