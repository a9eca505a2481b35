"""What the networks are trained on: one LightningDataModule an experiment."""

from datamodules.palindromes import Palindromes

__all__ = ["Palindromes"]
