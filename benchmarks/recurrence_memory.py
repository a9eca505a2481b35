"""The most memory that a training step of each cell takes: ours against torch.nn.

    python -m benchmarks.recurrence_memory [--save]

Megabytes that the process grows by in two steps of forward and backward, T = 300, hidden 128, batch
128, one number a time step, above what it has with the network and its inputs. Each is measured in
a process of its own, after a step with T = 2 that pays for what is loaded and compiled.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
from multiprocessing.connection import Connection

import torch

from benchmarks.recurrence import BATCH, CELLS, contestants
from benchmarks.results import Table, save

LENGTH, SIZE = 300, 128
# Of the greatest resident size: kilobytes, but bytes on a Mac.
UNIT = 1 if sys.platform == "darwin" else 1024


def grow(cell: str, name: str, answer: Connection) -> None:
    """Measure one contestant in this process, which must be fresh, and send the megabytes."""
    torch.set_num_threads(1)
    module = contestants(cell, SIZE, "cpu")[name]
    inputs = torch.randn(LENGTH, BATCH, 1)
    module(inputs[:2]).sum().backward()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2):
        module.zero_grad()
        module(inputs).sum().backward()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer.send((after - before) * UNIT / 1e6)


def megabytes(cell: str, name: str) -> float:
    """As `grow`, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=grow, args=(cell, name, there))
    process.start()
    taken = float(here.recv())
    process.join()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="add the table to RESULTS.md")
    arguments = parser.parse_args()
    table = Table(
        f"Memory of a training step, T = {LENGTH}, hidden {SIZE}, batch {BATCH}, megabytes",
        ["cell", "ours", "loop", "study", "torch.nn"],
    )
    for cell in CELLS:
        names = ["ours", "loop", "study", *([] if cell == "RRN" else ["torch.nn"])]
        taken = [f"{megabytes(cell, name):.0f}" for name in names]
        table.add([cell, *taken, *([""] if cell == "RRN" else [])])
    if arguments.save:
        save("recurrence_memory", table)


if __name__ == "__main__":
    main()
