"""Time to draw a batch of palindromes, in one vectorised call and digit by digit.

python -m benchmarks.palindrome_batches
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

import torch

from benchmarks.side_by_side import alternate, ratio
from datamodules.palindromes import TRAINING, draw_palindromes

BATCH = 128


def vectorised(length: int, repeats: int = 100) -> float:
    """Seconds a batch."""
    start = time.perf_counter()
    for step in range(repeats):
        draw_palindromes(BATCH, length, seed=0, stream=TRAINING, step=step)
    return (time.perf_counter() - start) / repeats


def digit_by_digit(length: int) -> float:
    """Seconds a batch, drawn as one writes it down first."""
    start = time.perf_counter()
    rows = []
    for _ in range(BATCH):
        half = [random.randrange(10) for _ in range((length + 2) // 2)]
        rows.append(half + half[: (length + 1) // 2][::-1])
    palindromes = torch.tensor(rows)
    assert palindromes.shape == (BATCH, length + 1)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="turns of each")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    for length in (10, 100, 300, 1000):
        seconds = alternate(
            {
                "vectorised": lambda length=length: vectorised(length),
                "digit by digit": lambda length=length: digit_by_digit(length),
            },
            rounds,
        )
        ours = statistics.median(seconds["vectorised"])
        times = ratio(seconds["digit by digit"], seconds["vectorised"])[0]
        print(f"T = {length:4}: {1000 * ours:.3f} ms a batch of {BATCH}, {times:.0f} times as fast")


if __name__ == "__main__":
    main()
