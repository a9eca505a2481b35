"""What came out of the runs of a comparison: results.csv, a row a run, and the other tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from comparison.grid import Run
from comparison.learning_curves import update_curves
from comparison.measured_lengths import update_lengths
from storage.files import written_whole
from storage.lock import locked
from storage.result import read_result

RESULTS = "results.csv"
STATES = FINISHED, FAILED, UNFINISHED = ("finished", "failed", "unfinished")
# In front of the settings, and behind them.
FIRST = ("run", "model")
MEASURED = (
    "accuracy",
    "steps_to_converge",
    "validation_accuracy",
    "validation_loss",
    "test_accuracy",
    "parameters",
    "steps",
    "seconds",
)
LAST = ("seed", "state", "solved", *MEASURED, "error")


def collect(folder: Path, runs: Sequence[Run], test_lengths: Sequence[int] = ()) -> None:
    """Write results.csv, curves.csv and lengths.csv of a comparison, each whole or not at all.

    Cheap enough to be called after each run: only the events of runs that went on are read.

    Args:
        folder: of the comparison. A run's folder is runs/MODEL/NAME in it; what made a run fail
            is told in failed/MODEL/NAME.txt.
        runs: all of the grid, also those that are not finished.
        test_lengths: that they are measured at; without any there is no lengths.csv.
    """
    folder.mkdir(parents=True, exist_ok=True)
    flags = list(dict.fromkeys(flag for run in runs for flag, _ in run.settings))
    with locked(folder):
        rows = [_row(folder, run) for run in runs]
        with written_whole(folder / RESULTS) as file:
            table = csv.DictWriter(file, [*FIRST, *flags, *LAST], lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
        update_curves(folder, [row["run"] for row in rows])
        update_lengths(folder, rows, test_lengths)


def _row(folder: Path, run: Run) -> dict[str, str]:
    """What the CSV says of a run, by column; what is unknown is left out, and empty there."""
    name = f"{run.model}/{run.name}"
    row = {"run": name, "model": run.model, **dict(run.settings), "seed": str(run.seed)}
    result_file = folder / "runs" / name / "result.json"
    # By name, since a suffix would be put in place of what follows the last dot, as in lr=0.1.
    failure = folder / "failed" / f"{name}.txt"
    # A run that failed once may have been finished since.
    if result_file.is_file():
        if result := read_result(result_file):
            return {**row, "state": FINISHED, **_measured(result)}
        return {**row, "state": FAILED, "error": f"{result_file.name} is not the result of a run"}
    if failure.is_file():
        text = failure.read_text(encoding="utf-8", errors="replace")
        return {**row, "state": FAILED, "error": " ".join(text.split()) or "unknown"}
    return {**row, "state": UNFINISHED}


def _measured(result: dict[str, Any]) -> dict[str, str]:
    validation = result["best_validation"]
    converged = result["steps_to_converge"]
    solved = None if result["threshold"] is None else converged is not None
    values = {
        "solved": solved,
        "accuracy": result["best_accuracy"],
        "steps_to_converge": converged,
        "validation_accuracy": validation.get("accuracy"),
        "validation_loss": validation.get("loss"),
        "test_accuracy": validation.get("test_accuracy"),
        "parameters": result["parameters"],
        "steps": result["steps"],
        "seconds": result["seconds"],
    }
    # JSON has the words of the CSV, and all digits of each number.
    return {name: json.dumps(value) for name, value in values.items() if value is not None}
