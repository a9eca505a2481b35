"""Eight short runs of a comparison side by side, against one after the other.

    python -m benchmarks.compare_jobs

The whole command is timed as it is typed, start-up included; the runs train for some seconds
each, on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.side_by_side import alternate, ratio

ROOT = Path(__file__).resolve().parent.parent
RUNS = 8
MOST = 0.65


def command(jobs: int, steps: int, folder: Path) -> list[str]:
    """Of eight runs of RRN and LSTM on palindromes, which none solves before its last step."""
    return [
        *(sys.executable, str(ROOT / "train.py"), "compare"),
        *("--models", "RRN,LSTM", "--seeds", "4", "--jobs", str(jobs), "--folder", str(folder)),
        *("--trainer.max_steps", str(steps), "--convergence.threshold", "null"),
        *("--trainer.accelerator", "cpu"),
    ]


def timed(jobs: int, steps: int, inside: dict[int, list[float]]) -> Callable[[], float]:
    """What carries out the comparison, and returns its seconds.

    Args:
        inside: gets, by jobs, the seconds of training that all runs together took.
    """

    def measure() -> float:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "comparison"
            begun = time.perf_counter()
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            subprocess.run(
                command(jobs, steps, folder), check=True, env=environment, capture_output=True
            )
            seconds = time.perf_counter() - begun
            results = list(folder.glob("runs/*/*/result.json"))
            assert len(results) == RUNS
            trained = sum(json.loads(result.read_text())["seconds"] for result in results)
        inside.setdefault(jobs, []).append(trained)
        return seconds

    return measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000, help="of each run")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each that count")
    arguments = parser.parse_args()
    inside: dict[int, list[float]] = {}
    seconds = alternate(
        {str(jobs): timed(jobs, arguments.steps, inside) for jobs in (1, 2)}, arguments.rounds
    )
    for jobs, taken in seconds.items():
        trained = statistics.median(inside[int(jobs)])
        print(
            f"--jobs {jobs}: {statistics.median(taken):6.1f} s, of them {trained / int(jobs):6.1f} "
            f"s of training in each of {jobs}"
        )
    middle, least, most = ratio(seconds["2"], seconds["1"])
    print(f"--jobs 2 / --jobs 1: {middle:.2f} (from {least:.2f} to {most:.2f}; asked: {MOST})")


if __name__ == "__main__":
    main()
