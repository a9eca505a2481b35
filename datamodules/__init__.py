"""What the networks are trained on: one LightningDataModule an experiment."""

from datamodules.palindromes import Palindromes
from datamodules.sharing import check_shares

__all__ = ["Palindromes", "check_shares"]
