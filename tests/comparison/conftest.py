"""What the tests of comparisons share, such as folders of runs that nobody trained."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from comparison.engine_local import LocalEngine
from comparison.grid import Run
from comparison.one_run import Task
from comparison.results import collect
from tests.results import RESULT

MEASURED = ("accuracy", "loss", "validation_accuracy", "validation_loss")


@pytest.fixture
def engine(start_process) -> Iterator[LocalEngine]:
    """Two workers, forked from the same process as those of all tests."""
    engine = LocalEngine(2)
    yield engine
    engine.kill()


@pytest.fixture
def task_of(small_config, tmp_path, monkeypatch):
    """A run of the small config, in a comparison's folder."""
    monkeypatch.chdir(tmp_path)
    folder = Path("comparison")
    folder.mkdir()
    (folder / "config.yaml").write_text(small_config.read_text())

    def make(model: str = "RRN", seed: int = 0, **settings: str) -> Task:
        flags = tuple((name.replace("__", "."), value) for name, value in settings.items())
        return Task(folder, Run(model, flags, seed), {}, None)

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "comparison"


@pytest.fixture
def finish(folder: Path) -> Callable[..., Run]:
    """Write the result of a run, such as finish("RNN", seed=1, settings={...}, steps=3)."""

    def write(model: str, seed: int = 0, settings: dict | None = None, **result: object) -> Run:
        run = Run(model, tuple((settings or {}).items()), seed)
        file = folder / "runs" / model / run.name / "result.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({**RESULT, "model": model, **result}))
        return run

    return write


@pytest.fixture
def fail(folder: Path) -> Callable[..., Run]:
    """Write what made a run fail."""

    def write(model: str, error: str, seed: int = 0, settings: dict | None = None) -> Run:
        run = Run(model, tuple((settings or {}).items()), seed)
        file = folder / "failed" / model / f"{run.name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(error)
        return run

    return write


@pytest.fixture
def rows(folder: Path) -> Callable[..., list[dict[str, str]]]:
    """Read a CSV of the folder, without this project's own reading."""

    def read(name: str = "results.csv") -> list[dict[str, str]]:
        with (folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture
def curves(folder: Path) -> Callable[[Sequence[tuple[str, int, float, float]]], None]:
    """Write curves.csv: run, step, accuracy and loss."""

    def write(points: Sequence[tuple[str, int, float, float]]) -> None:
        with (folder / "curves.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["run", "step", *MEASURED])
            table.writerows([*point, "", ""] for point in points)

    return write


@pytest.fixture
def lengths(folder: Path, finish) -> dict[tuple[str, int], list[dict]]:
    """RNN and LSTM at 3 lengths, 3 seeds each, some unsolved; what each seed came to."""
    made: dict[tuple[str, int], list[dict]] = {}
    runs = []
    for model, solved_at, parameters in (("RNN", (3, 1, 0), 900), ("LSTM", (3, 3, 2), 3600)):
        for length, solved in zip((5, 10, 20), solved_at, strict=True):
            for seed in range(3):
                result = {
                    "best_accuracy": 1.0 if seed < solved else 0.2 + 0.1 * seed,
                    "steps_to_converge": 100 * length + 7 * seed**2 if seed < solved else None,
                    "seconds": 0.5 * length + 0.1 * seed,
                    "parameters": parameters,
                }
                made.setdefault((model, length), []).append(result)
                runs.append(finish(model, seed, {"data.length": str(length)}, **result))
    collect(folder, runs)
    return made
