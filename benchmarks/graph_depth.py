"""Test accuracy against depth: GCN, CellGCN and GCNII on Cora, over many seeds.

    python -m benchmarks.graph_depth --seeds 10 --save docs/graph_depth

Each network with the recipe of its config, CellGCN also with nothing but its cell to keep nodes
apart, and all of them as long as they become better: until the validation loss has not been lower
for 100 epochs, at most 1,500. Of each run, the test accuracy
at the lowest validation loss. Writes NAME.csv, a row a run, and draws NAME.png from it; runs that
the table has already are not repeated. CellGCN's settings were chosen by the validation accuracy
of two seeds that are not among these, GCNII's and GCN's are those of their papers.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.repeated import Task, positive, run_all
from figures.comparisons import Series, draw_against_number

# By name: a config, and what differs from it.
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "GCN": ("graphs.yaml", {}),
    # As wide as the others, and with a bias as they have.
    "GCN, 64 hidden": ("graphs.yaml", {"model.hidden_size": 64, "model.bias": True}),
    "CellGCN": ("cell_gcn.yaml", {}),
    "CellGCN, cell alone": (
        "cell_gcn.yaml",
        {"model.restart": 0.0, "model.forget_bias": None, "model.first_cell": "features"},
    ),
    "GCNII": ("gcnii.yaml", {}),
}
DEPTHS = (2, 4, 8, 16, 32)
LONG_ENOUGH = {"early_stopping.patience": 100, "trainer.max_steps": 1500}
COLUMNS = (
    "dataset",
    "network",
    "num_layers",
    "seed",
    "test_accuracy",
    "validation_loss",
    "epoch",
    "epochs",
)


def begin(table: Path) -> None:
    """Make sure that there is a table of whole rows: a killed process may have cut off the last."""
    text = table.read_text(encoding="utf-8") if table.is_file() else ""
    whole = text[: text.rfind("\n") + 1] or ",".join(COLUMNS) + "\n"
    if whole != text:
        table.write_text(whole, encoding="utf-8")


def read(table: Path, dataset: str) -> list[dict[str, str]]:
    """The rows of a table that are about a graph."""
    with table.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["dataset"] == dataset]


def draw(table: Path, dataset: str) -> None:
    """Draw the figure of a table, and print its means."""
    groups: dict[str, dict[float, list[float]]] = {}
    for row in read(table, dataset):
        depths = groups.setdefault(row["network"], {})
        depths.setdefault(int(row["num_layers"]), []).append(100 * float(row["test_accuracy"]))
    for name, depths in groups.items():
        for depth, values in sorted(depths.items()):
            deviation = statistics.stdev(values) if len(values) > 1 else 0.0
            mean = statistics.mean(values)
            print(f"{name:20} {depth:2} layers: {mean:.1f} ± {deviation:.1f}, {len(values)} seeds")
    counts = {len(values) for depths in groups.values() for values in depths.values()}
    figure = draw_against_number(
        {"": [Series(name, depths) for name, depths in groups.items()]},
        f"{dataset}: mean ± standard deviation of {' or '.join(map(str, sorted(counts)))} seeds",
        "layers",
        "test accuracy, %",
        limits=(0, 100),
    )
    figure.savefig(table.with_suffix(".png"), dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--depths", nargs="+", type=positive, default=list(DEPTHS), help="layers")
    parser.add_argument("--dataset", default="Cora")
    parser.add_argument("--seeds", type=positive, default=10, help="runs of each network and depth")
    parser.add_argument("--jobs", type=positive, default=2, help="processes")
    parser.add_argument("--save", type=Path, default=Path("graph_depth"), help="NAME of the files")
    arguments = parser.parse_args()
    table = arguments.save.with_suffix(".csv")
    begin(table)
    rows = read(table, arguments.dataset)
    done = {(row["network"], int(row["num_layers"]), int(row["seed"])) for row in rows}
    runs = [
        (name, depth, seed)
        for name in arguments.networks
        for depth in arguments.depths
        for seed in range(arguments.seeds)
        if (name, depth, seed) not in done
    ]
    tasks = [
        Task(
            NETWORKS[name][0],
            seed,
            {
                "data.dataset": arguments.dataset,
                "model.num_layers": depth,
                **LONG_ENOUGH,
                **NETWORKS[name][1],
            },
        )
        for name, depth, seed in runs
    ]
    start = time.perf_counter()
    with table.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for (name, depth, seed), result in zip(runs, run_all(tasks, arguments.jobs), strict=True):
            numbers = [result["accuracy/test"], result["loss/validation"]]
            row = [*(f"{number:.4f}" for number in numbers), result["step"], result["steps"]]
            writer.writerow([arguments.dataset, name, depth, seed, *row])
            file.flush()
            elapsed = time.perf_counter() - start
            print(f"{name}, {depth} layers, seed {seed}: {numbers[0]:.3f}, {elapsed:.0f} s in all")
    draw(table, arguments.dataset)


if __name__ == "__main__":
    main()
