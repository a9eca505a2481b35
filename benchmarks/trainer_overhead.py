"""Steps a second of the whole program against a plain loop that does the same work.

    python -m benchmarks.trainer_overhead

Both draw the batches, train the RNN at T = 10, hidden 128, batch 128, on one thread, clip the
gradient, step RMSprop and measure the accuracy of every step. The program also logs every 50
steps to TensorBoard, draws its progress bar, and checks for convergence and for signals at every
step. The plain loop does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
import torch.nn.functional as F

from benchmarks.program import seconds_of_program
from benchmarks.side_by_side import alternate, ratio
from datamodules.palindromes import TRAINING, draw_palindromes
from lightning_modules import RNN

LENGTH, HIDDEN, BATCH = 10, 128, 128


def plain_loop(steps: int) -> float:
    """Seconds of a plain training loop."""
    torch.manual_seed(0)
    model = RNN(hidden_size=HIDDEN, initialization="torch")
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    recent: list[float] = []
    start = time.perf_counter()
    for step in range(steps):
        digits, target = draw_palindromes(BATCH, LENGTH, seed=0, stream=TRAINING, step=step)
        optimizer.zero_grad()
        logits = model(digits)
        loss = F.cross_entropy(logits, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        recent = [*recent, float((logits.argmax(1) == target).float().mean())][-5:]
        if sum(recent) == 5:
            raise RuntimeError("it converged: fewer steps make a fair measurement")
    return time.perf_counter() - start


def whole_program(steps: int) -> float:
    """Seconds that the program says its training took."""
    return seconds_of_program(
        [
            "--model=RNN",
            f"--model.hidden_size={HIDDEN}",
            f"--data.length={LENGTH}",
            f"--data.batch_size={BATCH}",
            f"--trainer.max_steps={steps}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400, help="training steps a turn")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seconds = alternate(
        {
            "plain loop": lambda: plain_loop(arguments.steps),
            "program": lambda: whole_program(arguments.steps),
        },
        arguments.rounds,
    )
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        print(
            f"{name:12} {1000 * middle / arguments.steps:6.2f} ms a step, "
            f"{arguments.steps / middle:6.1f} steps/s"
        )
    middle, least, most = ratio(seconds["plain loop"], seconds["program"])
    print(f"program / plain loop, steps a second: {middle:.3f} (from {least:.3f} to {most:.3f})")


if __name__ == "__main__":
    main()
