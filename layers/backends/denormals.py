"""Arithmetic without denormal numbers, the last few below the least normal one.

A gradient that vanishes through time comes to them after a hundred steps or two, and there many
CPUs take a hundred times as long for a sum or a product.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed() -> Iterator[None]:
    """Within, this thread takes denormal numbers for zero, where the CPU can."""
    # Torch can be told, but does not tell; other arithmetic goes by the same flag.
    if sys.float_info.min / 2 == 0:
        yield
        return
    try:
        torch.set_flush_denormal(True)
        yield
    finally:
        torch.set_flush_denormal(False)
