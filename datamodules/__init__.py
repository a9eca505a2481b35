"""What the networks are trained on: one LightningDataModule an experiment."""

from datamodules.counted import CountedData, check_shares
from datamodules.curriculum import Curriculum
from datamodules.graph import Graph
from datamodules.palindromes import Palindromes
from datamodules.text import Text

__all__ = ["CountedData", "Curriculum", "Graph", "Palindromes", "Text", "check_shares"]
