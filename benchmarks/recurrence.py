"""A whole training step of each cell: ours against the plain loop and what else there is.

    python -m benchmarks.recurrence [--tables steps trainer] [--lengths 10,300] [--sizes 128]
        [--cells RRN,LSTM] [--denormals] [--save]

A step is forward, backward, clipping and RMSprop of a classifier of the last hidden state, batch
128, one number a time step, on one thread, or on a GPU where there is one. All take turns, and a
ratio is the median of those turn by turn:

- ours: milliseconds a step with --model.backend auto;
- / products: how many times the three matrix products a step, without which nothing goes;
- loop, study, torch.nn: how many times ours the layer's plain loop takes, a loop that computes gate
  after gate as the equations read, and the layer of torch.nn;
- compile, flashrnn: on a GPU, the same of the loop over a step by torch.compile, and of FlashRNN,
  where they can be had. FlashRNN computes in bfloat16, all others in float32.

On a CPU all take denormal numbers for zero, as ours does by itself: where gradients vanish, the
others would be up to twenty times as slow on some CPUs. With --denormals they are as they come.

Then the same of the character generator, two layers of 128, batch 64, crops of 140, with Adam; a
step of `train.py` over one without the Trainer; and the seconds from the command to a converged
network with the default settings. --save adds all tables to RESULTS.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import layers
from benchmarks.flash import FUNCTIONS, FlashRNN
from benchmarks.program import seconds_of_command, seconds_of_program
from benchmarks.results import Table, save
from benchmarks.side_by_side import alternate, ratio
from benchmarks.study_loop import StudyLoop

BATCH, DIGITS = 128, 10
# Different characters of a text.
SYMBOLS = 100
CELLS = ("RRN", "LSTM", "RNN", "GRU")
# Contestants of some cells and devices only.
BESIDE = ("loop", "study", "torch.nn", "compile", "flashrnn")
# Seconds that a turn of each contestant is to take at least.
TURN = 0.2


class Last(nn.Module):
    """The last hidden state of a layer of ours, or of torch.nn: (T, B, 1) to (B, H)."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        if isinstance(self.layer, layers.Recurrent):
            hidden, *_ = self.layer.last_state(inputs)
        else:
            hidden = self.layer(inputs)[0][-1]
        return hidden


class Logits(nn.Module):
    """The logits alone of a character network."""

    def __init__(self, network: layers.CharacterNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, characters: Tensor) -> Tensor:
        logits: Tensor = self.network(characters)[0]
        return logits


class TorchWriter(nn.Module):
    """The character network on a layer of torch.nn, which reads one-hot vectors."""

    def __init__(self, cell: str) -> None:
        super().__init__()
        self.recurrent = getattr(nn, cell)(SYMBOLS, 128, 2)
        self.readout = nn.Linear(128, SYMBOLS)

    def forward(self, characters: Tensor) -> Tensor:
        logits: Tensor = self.readout(self.recurrent(F.one_hot(characters, SYMBOLS).float())[0])
        return logits


def contestants(cell: str, size: int, device: str) -> dict[str, nn.Module]:
    """What can give the last hidden state, by name."""
    ours = getattr(layers, cell)
    found: dict[str, nn.Module] = {
        "ours": Last(ours(1, size)),
        "loop": Last(ours(1, size, backend="loop")),
        "study": StudyLoop(cell, 1, size),
    }
    if cell != "RRN":
        found["torch.nn"] = Last(getattr(nn, cell)(1, size))
    if device == "cuda":
        stepwise = ours(1, size, backend="loop")
        # Of the whole loop, T copies of a step would be compiled.
        stepwise.advance = torch.compile(stepwise.advance)
        found["compile"] = Last(stepwise)
        if cell in FUNCTIONS and find_spec("flashrnn"):
            found["flashrnn"] = FlashRNN(cell, 1, size)
    return {name: module.to(device) for name, module in found.items()}


def step_of(module: nn.Module, size: int, inputs: Tensor, target: Tensor) -> Callable[[], None]:
    """A whole training step."""
    readout = nn.Linear(size, DIGITS).to(inputs.device)
    parameters = [*module.parameters(), *readout.parameters()]
    # So small that the weights stay where they are drawn.
    optimizer = torch.optim.RMSprop(parameters, lr=1e-9)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(readout(module(inputs)), target).backward()
        nn.utils.clip_grad_norm_(parameters, 10.0)
        optimizer.step()

    return step


def products_of(cell: str, steps: int, size: int, device: str) -> Callable[[], None]:
    """The products of each time step: of the gates, and of the gradients of state and weights."""
    columns = getattr(layers, cell).gate_blocks * size
    weight, hidden = torch.randn(columns, size, device=device), torch.randn(BATCH, size).to(device)
    gates, gradient = torch.empty(BATCH, columns, device=device), torch.zeros_like(weight)
    back = torch.empty_like(hidden)

    def products() -> None:
        for _ in range(steps):
            torch.mm(hidden, weight.t(), out=gates)
        for _ in range(steps):
            torch.mm(gates, weight, out=back)
            gradient.addmm_(gates.t(), hidden)

    return products


def timed(step: Callable[[], None], device: str) -> Callable[[], float]:
    """A turn: seconds a step, of as many as fill it."""

    def seconds(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            step()
        if device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / count

    seconds(1)
    count = max(1, round(TURN / seconds(1)))
    return lambda: seconds(count)


def measure(cell: str, length: int, size: int, device: str, rounds: int) -> list[str]:
    """A row of the table."""
    inputs = torch.randint(DIGITS, (length, BATCH, 1), device=device).float()
    target = torch.randint(DIGITS, (BATCH,), device=device)
    turns = {}
    for name, module in contestants(cell, size, device).items():
        try:
            turns[name] = timed(step_of(module, size, inputs, target), device)
        except Exception as error:
            # Both compile on the machine, which may lack what they need.
            if name not in ("compile", "flashrnn"):
                raise
            print(f"{name} is left out: {str(error).splitlines()[0]}")
    turns["products"] = timed(products_of(cell, length, size, device), device)
    seconds = alternate(turns, rounds)
    ours = seconds["ours"]
    return [
        cell,
        str(length),
        str(size),
        f"{1000 * statistics.median(ours):.2f}",
        f"{ratio(ours, seconds['products'])[0]:.2f}",
        *(f"{ratio(seconds[o], ours)[0]:.2f}" if o in seconds else "" for o in beside(device)),
    ]


def beside(device: str) -> tuple[str, ...]:
    """Who is compared with on a device."""
    return BESIDE if device == "cuda" else BESIDE[:3]


def writing(cell: str, device: str, rounds: int) -> list[str]:
    """A row of the table of the generator."""
    characters = torch.randint(SYMBOLS, (140, 64), device=device)
    target = torch.randint(SYMBOLS, (characters.numel(),), device=device)

    def turn(module: nn.Module) -> Callable[[], float]:
        parameters = list(module.to(device).parameters())
        optimizer = torch.optim.Adam(parameters, lr=1e-9)

        def step() -> None:
            optimizer.zero_grad()
            F.cross_entropy(module(characters).flatten(0, 1), target).backward()
            nn.utils.clip_grad_norm_(parameters, 5.0)
            optimizer.step()

        return timed(step, device)

    turns = {
        "ours": turn(Logits(layers.CharacterNetwork(cell, SYMBOLS))),
        "loop": turn(Logits(layers.CharacterNetwork(cell, SYMBOLS, backend="loop"))),
    }
    if cell != "RRN":
        turns["torch.nn"] = turn(TorchWriter(cell))
    seconds = alternate(turns, rounds)
    ours = seconds["ours"]
    return [
        cell,
        f"{1000 * statistics.median(ours):.1f}",
        *(
            f"{ratio(seconds[o], ours)[0]:.2f}" if o in seconds else ""
            for o in ("loop", "torch.nn")
        ),
    ]


def through_the_trainer(cell: str, length: int, rounds: int) -> list[str]:
    """A row of the second table."""
    inputs = torch.randint(DIGITS, (length, BATCH, 1)).float()
    target = torch.randint(DIGITS, (BATCH,))
    bare = timed(step_of(contestants(cell, 128, "cpu")["ours"], 128, inputs, target), "cpu")
    count = max(50, round(2000 / length))
    flags = [f"--model={cell}", f"--data.length={length}", f"--trainer.max_steps={count}"]
    # With no threshold that can be reached, all steps are made.
    flags += ["--model.initialization=study", "--optimizer.lr=1e-9"]
    seconds = alternate(
        {"bare": bare, "program": lambda: seconds_of_program(flags) / count}, rounds
    )
    middle, least, most = ratio(seconds["program"], seconds["bare"])
    milliseconds = 1000 * statistics.median(seconds["program"])
    return [cell, str(length), f"{milliseconds:.2f}", f"{middle:.2f}", f"{least:.2f} to {most:.2f}"]


def to_convergence(cell: str, rounds: int) -> list[str]:
    """A row of the third table."""
    seconds, steps = zip(
        *(seconds_of_command([f"--model={cell}"]) for _ in range(rounds)), strict=True
    )
    return [cell, str(steps[0]), f"{statistics.median(seconds):.1f}"]


def table_of_steps(arguments: argparse.Namespace) -> Table:
    denormals = ", with denormal numbers" if arguments.denormals else ""
    table = Table(
        f"A training step, batch {BATCH}, {arguments.device}{denormals}",
        ["cell", "T", "hidden", "ours, ms", "/ products", *beside(arguments.device)],
    )
    for size in arguments.sizes:
        for length in arguments.lengths:
            for cell in arguments.cells:
                table.add(measure(cell, length, size, arguments.device, arguments.rounds))
    return table


def table_of_generator(arguments: argparse.Namespace) -> Table:
    table = Table(
        "The generator, 2 layers of 128, batch 64, crops of 140",
        ["cell", "ours, ms", "loop", "torch.nn"],
    )
    for cell in arguments.cells:
        table.add(writing(cell, arguments.device, arguments.rounds))
    return table


def table_of_trainer(arguments: argparse.Namespace) -> Table:
    table = Table(
        "Through the Trainer, hidden 128",
        ["cell", "T", "a step, ms", "/ a step without", "from the least to the most"],
    )
    for length in arguments.lengths:
        for cell in arguments.cells:
            table.add(through_the_trainer(cell, length, arguments.rounds))
    return table


def table_of_convergence(arguments: argparse.Namespace) -> Table:
    table = Table(
        "From `python train.py --model CELL` to convergence, T = 10",
        ["cell", "steps", "seconds with start-up"],
    )
    for cell in arguments.cells:
        table.add(to_convergence(cell, min(3, arguments.rounds)))
    return table


TABLES = {
    "steps": table_of_steps,
    "generator": table_of_generator,
    "trainer": table_of_trainer,
    "convergence": table_of_convergence,
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])

    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--lengths", type=numbers, default=[10, 100, 300], help="time steps")
    parser.add_argument("--sizes", type=numbers, default=[64, 128, 256], help="hidden units")
    parser.add_argument("--cells", type=lambda text: text.split(","), default=CELLS)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--denormals", action="store_true", help="leave them to the others")
    parser.add_argument("--save", action="store_true", help="add the tables to RESULTS.md")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.set_flush_denormal(not arguments.denormals)
    tables = [TABLES[name](arguments) for name in arguments.tables]
    if arguments.save:
        save("recurrence", *tables)


if __name__ == "__main__":
    main()
