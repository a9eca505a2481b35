"""Characters a second of the whole program against a plain loop on torch.nn.LSTM.

    python -m benchmarks.characters

Both read crops of 140 characters of Python's documentation, 64 at a time, train an LSTM of two
layers of 128 units on one thread, clip the gradient, step Adam and measure the accuracy of every
step. The program also logs every 50 steps to TensorBoard, draws its progress bar, writes samples
at five points of the training, and checks for signals at every step. The plain loop does nothing
else.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.program import seconds_of_program
from benchmarks.side_by_side import alternate, ratio
from command_line.arguments import DEFAULT_CONFIG
from datamodules import Text

LENGTH, BATCH, HIDDEN, LAYERS = 140, 64, 128, 2


def plain_loop(steps: int, text: Text) -> float:
    """Seconds of a plain training loop."""
    torch.manual_seed(0)
    symbols = text.num_classes
    lstm, readout = nn.LSTM(symbols, HIDDEN, LAYERS), nn.Linear(HIDDEN, symbols)
    parameters = [*lstm.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.002)
    batches = text.training_batches()
    accuracies: list[float] = []
    start = time.perf_counter()
    for step in range(steps):
        batch = batches.batch(step)
        optimizer.zero_grad()
        hidden, _ = lstm(F.one_hot(batch.characters.t(), symbols).float())
        logits, target = readout(hidden).flatten(0, 1), batch.next_characters.t().flatten()
        F.cross_entropy(logits, target).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        accuracies.append(float((logits.argmax(1) == target).float().mean()))
    return time.perf_counter() - start


def whole_program(steps: int) -> float:
    """Seconds that the program says its training took."""
    return seconds_of_program(
        [
            f"--config={DEFAULT_CONFIG.with_name('characters.yaml')}",
            f"--data.length={LENGTH}",
            f"--data.batch_size={BATCH}",
            f"--model.hidden_size={HIDDEN}",
            f"--model.num_layers={LAYERS}",
            f"--trainer.max_steps={steps}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50, help="training steps a turn")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    text = Text("python_docs", LENGTH, BATCH, training_seed=0)
    seconds = alternate(
        {
            "torch.nn.LSTM": lambda: plain_loop(arguments.steps, text),
            "program": lambda: whole_program(arguments.steps),
        },
        arguments.rounds,
    )
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        speed = arguments.steps * BATCH * LENGTH / middle
        print(f"{name:13} {1000 * middle / arguments.steps:6.1f} ms a step, {speed:,.0f} chars/s")
    middle, least, most = ratio(seconds["torch.nn.LSTM"], seconds["program"])
    print(f"program / torch.nn.LSTM, chars a second: {middle:.3f} ({least:.3f} to {most:.3f})")


if __name__ == "__main__":
    main()
