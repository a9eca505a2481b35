"""Microseconds of clipping a gradient, against torch's own clip_grad_norm_.

    python -m benchmarks.clipping [--save]

The gradients have the shapes of a classifier's, and of those of character generators of two layers,
on one thread. Ours reads the norm as well; and where it overflows, torch makes all entries 0, which
is not the same work. Putting the gradients back before each clipping is not measured.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from benchmarks.results import Table, save
from benchmarks.side_by_side import alternate, ratio
from layers import CharacterNetwork
from lightning_modules import RRN
from lightning_modules.clipping import Clipping

NETWORKS = {
    "RRN, 128": lambda: RRN(hidden_size=128),
    "LSTM, 128": lambda: CharacterNetwork("LSTM", 65, hidden_size=128, num_layers=2),
    "LSTM, 512": lambda: CharacterNetwork("LSTM", 65, hidden_size=512, num_layers=2),
}
# Of the entries, by what float32 says of their norm.
SCALES = {"finite": 1.0, "infinite": 1e30}
LIMIT = 10.0


def seconds_of(
    clip: Callable[[list[nn.Parameter]], object],
    parameters: list[nn.Parameter],
    gradients: list[Tensor],
    times: int,
) -> float:
    """Seconds of clipping these gradients so many times."""
    seconds = 0.0
    for _ in range(times):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        start = time.perf_counter()
        clip(parameters)
        seconds += time.perf_counter() - start
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=300, help="clippings a turn")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each")
    parser.add_argument("--save", action="store_true", help="add a section to RESULTS.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    columns = ["gradient of", "its norm", "ours, us", "torch's, us", "ours / torch's", "from", "to"]
    table = Table(f"Clipping a gradient to a norm of {LIMIT:g}", columns)
    for name, make in NETWORKS.items():
        torch.manual_seed(0)
        parameters = list(make().parameters())
        for kind, scale in SCALES.items():
            gradients = [scale * torch.randn_like(each) for each in parameters]
            ways = {
                "ours": partial(Clipping(), limit=LIMIT),
                "torch": partial(clip_grad_norm_, max_norm=LIMIT),
            }
            turns = {
                way: partial(seconds_of, clip, parameters, gradients, arguments.times)
                for way, clip in ways.items()
            }
            seconds = alternate(turns, arguments.rounds)
            micro = [
                f"{1e6 * statistics.median(each) / arguments.times:.1f}"
                for each in seconds.values()
            ]
            ratios = [f"{each:.2f}" for each in ratio(seconds["ours"], seconds["torch"])]
            table.add([name, kind, *micro, *ratios])
    if arguments.save:
        save("clipping", table)


if __name__ == "__main__":
    main()
