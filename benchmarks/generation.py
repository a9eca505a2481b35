"""Characters a second of samples drawn as one batch, and one by one.

    python -m benchmarks.generation

An LSTM of 2 layers of 128 units on 65 characters, as of Shakespeare, with random weights, on one
thread. Each turn draws as many samples of the same length, from a prompt of a few characters.
"""

from __future__ import annotations

import argparse
import statistics
import string
import time

import torch

from benchmarks.side_by_side import alternate, ratio
from generation import Writer
from layers import CharacterNetwork

VOCABULARY = "\n !$&',-.3:;?" + string.ascii_letters
PROMPT = "HAMLET:\n"


def at_once(writer: Writer, samples: int, length: int) -> float:
    """Seconds of all samples, as one batch."""
    start = time.perf_counter()
    rows = list(writer.write(PROMPT, length, num_samples=samples))
    assert len(rows) == length and len(rows[0]) == samples
    return time.perf_counter() - start


def one_by_one(writer: Writer, samples: int, length: int) -> float:
    """Seconds of all samples, one after the other."""
    return sum(at_once(writer, 1, length) for _ in range(samples))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=64, help="samples a turn")
    parser.add_argument("--length", type=int, default=100, help="characters of each")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    arguments = parser.parse_args()
    samples, length = arguments.samples, arguments.length
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = CharacterNetwork("LSTM", len(VOCABULARY), hidden_size=128, num_layers=2)
    writer = Writer(network, VOCABULARY)
    seconds = alternate(
        {
            "at once": lambda: at_once(writer, samples, length),
            "one by one": lambda: one_by_one(writer, samples, length),
        },
        arguments.rounds,
    )
    for name, taken in seconds.items():
        speed = samples * length / statistics.median(taken)
        print(f"{samples} samples {name:10} {speed:9,.0f} characters/s")
    middle, least, most = ratio(seconds["one by one"], seconds["at once"])
    print(f"at once / one by one: {middle:.1f} times as fast (from {least:.1f} to {most:.1f})")


if __name__ == "__main__":
    main()
