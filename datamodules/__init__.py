"""What the networks are trained on: one LightningDataModule an experiment."""

from datamodules.counted import check_shares
from datamodules.palindromes import Palindromes
from datamodules.text import Text

__all__ = ["Palindromes", "Text", "check_shares"]
