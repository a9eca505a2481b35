"""Where the time of a training step goes that a recurrent layer takes on a CPU.

    python -m benchmarks.recurrence_profile [--lengths 10,300] [--size 128] [--save]

The same step as in `benchmarks.recurrence`, one thread, medians. In milliseconds:

- products: bare matrix products, three a time step, less those that are known to be zero;
- passes: what compiled code takes more than these: gates and memory;
- around: Python and torch around compiled code, there and back;
- rest: readout, loss, clipping and RMSprop, which every contestant has.

The least that a step could take is products and rest.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

import layers
from benchmarks.recurrence import BATCH, CELLS, DIGITS, products_of
from benchmarks.results import Table, save
from layers.backends import cells

STEPS = 3000


class Clock:
    """Seconds spent in functions, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            found = function(*arguments)
            self.seconds.setdefault(name, []).append(time.perf_counter() - start)
            return found

        return call

    def milliseconds(self, *names: str) -> float:
        return sum(1000 * statistics.median(self.seconds[name]) for name in names)


def profile(cell: str, length: int, size: int) -> list[str]:
    """A row of the table."""
    kind = getattr(layers, cell)
    layer, readout = kind(1, size), nn.Linear(size, DIGITS)
    parameters = [*layer.parameters(), *readout.parameters()]
    optimizer = torch.optim.RMSprop(parameters, lr=1e-9)
    inputs = torch.randint(DIGITS, (length, BATCH, 1)).float()
    target = torch.randint(DIGITS, (BATCH,))
    clock, compiled = Clock(), cells.CELLS[kind]
    cells.CELLS[kind] = dataclasses.replace(
        compiled,
        forwards=clock.timed("forwards", compiled.forwards),
        backwards=clock.timed("backwards", compiled.backwards),
    )
    # As often as the others walk through T steps, all but the first have three products.
    bare = clock.timed("products", products_of(cell, max(1, length - 1), size, "cpu"))
    walk = clock.timed("walk", layer.last_state)
    back = clock.timed("back", lambda hidden, gradient: hidden.backward(gradient))

    def step() -> None:
        optimizer.zero_grad()
        hidden, *_ = walk(inputs)
        cut = hidden.detach().requires_grad_()
        F.cross_entropy(readout(cut), target).backward()
        back(hidden, cut.grad)
        nn.utils.clip_grad_norm_(parameters, 10.0)
        optimizer.step()

    whole = clock.timed("step", step)
    for _ in range(max(5, STEPS // length)):
        whole()
        bare()
    cells.CELLS[kind] = compiled
    total, products = clock.milliseconds("step"), clock.milliseconds("products")
    inside, walks = clock.milliseconds("forwards", "backwards"), clock.milliseconds("walk", "back")
    parts = total, products, inside - products, walks - inside, total - walks
    limit = total / (products + total - walks)
    return [cell, str(length), *(f"{part:.2f}" for part in parts), f"{limit:.2f}"]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])

    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser.add_argument("--lengths", type=numbers, default=[10, 300], help="time steps")
    parser.add_argument("--size", type=int, default=128, help="hidden units")
    parser.add_argument("--save", action="store_true", help="add the table to RESULTS.md")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    table = Table(
        f"A training step in milliseconds, hidden {arguments.size}, batch {BATCH}",
        ["cell", "T", "step", "products", "passes", "around", "rest", "step / least"],
    )
    for length in arguments.lengths:
        for cell in CELLS:
            table.add(profile(cell, length, arguments.size))
    if arguments.save:
        save("recurrence_profile", table)


if __name__ == "__main__":
    main()
