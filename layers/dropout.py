"""Dropout for large arrays on a CPU, where drawing the random numbers is what takes the time."""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from layers.sparse import Sparse

# Of a random number, as many bits as decide about one entry.
LEVELS = 2**16


Matrix = TypeVar("Matrix", Tensor, Sparse)


def dropout(matrix: Matrix, probability: float, training: bool = True) -> Matrix:
    """Zero each entry with a probability, and scale the others so that the mean stays.

    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting".
    As torch's, which draws a random number of 32 bits or more for each entry one after the other;
    here four entries share one of 64 bits, so that the probability is rounded to a 65,536th.

    Args:
        matrix: any shape. Of a sparse one only the stored entries can be dropped: a zero that is
            dropped is still a zero.
        probability: from 0 to 1.
        training: whether to drop anything.

    Raises:
        ValueError: the probability is below 0 or above 1.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must be between 0 and 1, got {probability}")
    if not training or not probability:
        return matrix
    if isinstance(matrix, Sparse):
        return matrix._replace(values=dropout(matrix.values, probability))
    dropped = round(probability * LEVELS)
    if matrix.device.type != "cpu" or dropped == LEVELS:
        return F.dropout(matrix, probability)
    bits = torch.empty((matrix.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    levels = bits.view(torch.int16)[: matrix.numel()].view(matrix.shape)
    kept = levels >= dropped - LEVELS // 2
    return matrix * kept.to(matrix.dtype).mul_(LEVELS / (LEVELS - dropped))
