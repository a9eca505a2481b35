"""Dropout for large arrays on a CPU, where drawing the random numbers is what takes the time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from layers.sparse import Sparse

# Of a random number, as many bits as decide about one entry.
LEVELS = 2**16


def dropout(matrix: Tensor, probability: float, training: bool) -> Tensor:
    """Zero each entry with a probability, and scale the others so that the mean stays.

    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting".
    As torch's, which draws a random number of 32 bits or more for each entry one after the other;
    here four entries share one of 64 bits, so that the probability is rounded to a 65,536th.

    Args:
        matrix: any shape.
        probability: from 0 to 1.
        training: whether to drop anything.
    """
    if not training or not probability:
        return matrix
    dropped = round(probability * LEVELS)
    if matrix.device.type != "cpu" or dropped == LEVELS:
        return F.dropout(matrix, probability)
    bits = torch.empty((matrix.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    levels = bits.view(torch.int16)[: matrix.numel()].view(matrix.shape)
    kept = levels >= dropped - LEVELS // 2
    return matrix * kept.to(matrix.dtype).mul_(LEVELS / (LEVELS - dropped))


def sparse_dropout(matrix: Sparse, probability: float, training: bool) -> Sparse:
    """Dropout of the stored entries alone: a zero that is dropped is still a zero."""
    return matrix._replace(values=dropout(matrix.values, probability, training))
