"""Test accuracy on citation graphs over many seeds, with the recipe of configs/graphs.yaml.

    python -m benchmarks.citation_accuracy --seeds 100

The public splits; of each run, the test accuracy at the lowest validation loss, as `train.py fit`
shows it. Kipf and Welling (2017, table 2) report 81.5 on Cora, 70.3 on CiteSeer and 79.0 on
PubMed, each the mean of 100 seeds.
"""

from __future__ import annotations

import argparse
import statistics
import time

from benchmarks.repeated import Task, positive, run_all

PUBLISHED = {"Cora": 81.5, "CiteSeer": 70.3, "PubMed": 79.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="graphs.yaml", help="a file in configs/")
    parser.add_argument("--datasets", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    parser.add_argument("--seeds", type=positive, default=100, help="runs of each graph")
    parser.add_argument("--jobs", type=positive, default=2, help="processes")
    arguments = parser.parse_args()
    print("graph      mean ± std of the seeds, standard error   published   steps   time")
    for dataset in arguments.datasets:
        start = time.perf_counter()
        tasks = [
            Task(arguments.config, seed, {"data.dataset": dataset})
            for seed in range(arguments.seeds)
        ]
        results = list(run_all(tasks, arguments.jobs))
        accuracies = [100 * result["accuracy/test"] for result in results]
        mean = statistics.mean(accuracies)
        deviation = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
        print(
            f"{dataset:10} {mean:.2f} ± {deviation:.2f}, {deviation / len(accuracies) ** 0.5:.2f}"
            f"   {PUBLISHED[dataset]}"
            f"   {statistics.mean(result['steps'] for result in results):.0f}"
            f"   {time.perf_counter() - start:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
