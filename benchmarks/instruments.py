"""What an instrument costs: a measurement, in training steps without any.

    python -m benchmarks.instruments [--length 100] [--cells RRN,LSTM] [--rounds 5] [--save]

Palindromes of one number a time step, hidden 128, batch 128, on one thread. A step is forward,
backward, clipping and RMSprop by the fastest backend. All take turns, and a ratio is the median of
those turn by turn: of a measurement, its rows written to disk, over a step; and of the same with
the figure for TensorBoard. Of `parameters` it is what a step takes longer that is measured.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

import lightning_modules
from benchmarks.results import Table, save
from benchmarks.side_by_side import alternate, ratio
from callbacks.instruments import Parameters
from callbacks.instruments.watch import THROUGH_TIME
from datamodules.palindromes import TRAINING, draw_palindromes

HIDDEN, BATCH = 128, 128
CELLS = ("RRN", "LSTM", "RNN", "GRU")
# Training steps of a turn, so that one is no shorter than a measurement.
STEPS = 5


def measure(cell: str, length: int, rounds: int) -> list[list[str]]:
    """Rows of the table."""
    model = getattr(lightning_modules, cell)(hidden_size=HIDDEN)
    batch = draw_palindromes(BATCH, length, seed=0, stream=TRAINING, step=0)
    # So small that the weights stay where they are drawn.
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-9)

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        writer = SummaryWriter(folder)
        silent = SimpleNamespace(
            logger=None, global_step=0, max_steps=1, is_global_zero=True, accumulate_grad_batches=1
        )
        logger = SimpleNamespace(
            experiment=writer,
            log_metrics=lambda values, step: [writer.add_scalar(*each) for each in values.items()],
        )
        shown = SimpleNamespace(**{**vars(silent), "logger": logger})

        def step(parameters: Parameters | None = None, trainer: SimpleNamespace = silent) -> None:
            optimizer.zero_grad()
            model.training_step(batch, 0)["loss"].backward()
            if parameters:
                parameters.on_before_optimizer_step(trainer, model, optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
            if parameters:
                parameters.on_train_batch_end(trainer, model, None, batch, 0)

        turns: dict[str, Callable[[], object]] = {"step": lambda: [step() for _ in range(STEPS)]}
        for kind in THROUGH_TIME:
            instrument = kind(place, 1, model)
            for name, trainer in ((kind.name, silent), (f"{kind.name}, shown", shown)):
                turns[name] = lambda i=instrument, t=trainer: i.measure(t, model, batch, 1)
        parameters = Parameters(place, 1)
        for name, trainer in (("parameters", silent), ("parameters, shown", shown)):
            turns[name] = lambda t=trainer: [step(parameters, t) for _ in range(STEPS)]
        seconds = alternate({name: _timed(turn) for name, turn in turns.items()}, rounds)
        writer.close()

    steps = [taken / STEPS for taken in seconds["step"]]
    rows = []
    for name in [*(kind.name for kind in THROUGH_TIME), "parameters"]:
        alone, with_figure = (
            [taken / STEPS - each for taken, each in zip(found, steps, strict=True)]
            if name == "parameters"
            else found
            for found in (seconds[name], seconds[f"{name}, shown"])
        )
        cells = [f"{ratio(taken, steps)[0]:.2f}" for taken in (alone, with_figure)]
        rows.append([cell, name, f"{1000 * sorted(steps)[len(steps) // 2]:.1f}", *cells])
    return rows


def _timed(turn: Callable[[], object]) -> Callable[[], float]:
    def seconds() -> float:
        start = time.perf_counter()
        turn()
        return time.perf_counter() - start

    return seconds


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=100, help="time steps")
    parser.add_argument("--cells", type=lambda text: text.split(","), default=CELLS)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    parser.add_argument("--save", action="store_true", help="add the table to RESULTS.md")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    table = Table(
        f"A measurement, T = {arguments.length}, hidden {HIDDEN}, batch {BATCH}",
        ["cell", "instrument", "a step, ms", "/ a step", "with figure / a step"],
    )
    for cell in arguments.cells:
        for row in measure(cell, arguments.length, arguments.rounds):
            table.add(row)
    if arguments.save:
        save("instruments", table)


if __name__ == "__main__":
    main()
