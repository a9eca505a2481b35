"""What the networks are trained on: one LightningDataModule an experiment."""

from datamodules.counted import check_shares
from datamodules.palindromes import Palindromes

__all__ = ["Palindromes", "check_shares"]
