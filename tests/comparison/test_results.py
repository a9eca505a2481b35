"""results.csv and curves.csv: a row a run, whatever became of it, with all digits."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os

import pytest

from comparison import learning_curves
from comparison.grid import Run
from comparison.records import read_curves, read_results
from comparison.results import collect
from tests.conftest import SMALL

SETTINGS = {"data.length": "4", "optimizer.lr": "0.01"}


def test_a_row_says_what_the_result_says(folder, finish, rows):
    validation = {"step": 9, "accuracy": 1 / 3, "loss": 1e-17, "test_accuracy": 2 / 3}
    run = finish(
        "RNN",
        3,
        SETTINGS,
        steps_to_converge=41,
        best_accuracy=0.1 + 0.7,
        best_validation=validation,
    )
    collect(folder, [run])
    (row,) = rows()
    assert ",".join(row) == (
        "run,model,data.length,optimizer.lr,seed,state,solved,accuracy,steps_to_converge,"
        "validation_accuracy,validation_loss,test_accuracy,parameters,steps,seconds,error"
    )
    assert row["run"] == "RNN/length=4,lr=0.01,seed=3"
    assert (row["model"], row["data.length"], row["optimizer.lr"]) == ("RNN", "4", "0.01")
    assert (row["seed"], row["state"], row["solved"], row["error"]) == ("3", "finished", "true", "")
    assert (row["steps_to_converge"], row["parameters"], row["steps"]) == ("41", "1234", "60")
    assert float(row["accuracy"]) == 0.1 + 0.7 and float(row["validation_accuracy"]) == 1 / 3
    assert float(row["validation_loss"]) == 1e-17 and float(row["test_accuracy"]) == 2 / 3
    assert float(row["seconds"]) == 1.5


@pytest.mark.parametrize(
    ("threshold", "step", "solved"), [(1.0, 7, "true"), (1.0, None, "false"), (None, None, "")]
)
def test_solved_is_empty_where_nothing_was_to_be_reached(
    threshold, step, solved, folder, finish, rows
):
    collect(folder, [finish("RNN", threshold=threshold, steps_to_converge=step)])
    assert rows()[0]["solved"] == solved


def test_what_was_not_measured_or_is_not_finite_is_empty(folder, finish, rows):
    runs = [
        finish("RNN", 0, best_validation={}, best_accuracy=None),
        finish("RNN", 1, best_validation={"step": 1, "loss": None, "accuracy": 0.5}),
    ]
    collect(folder, runs)
    first, second = rows()
    assert (first["accuracy"], first["validation_accuracy"], first["validation_loss"]) == ("",) * 3
    assert (second["validation_accuracy"], second["validation_loss"]) == ("0.5", "")
    assert "test_accuracy" not in read_results(folder)[1].numbers


def test_unfinished_and_failed_runs_have_rows_too(folder, finish, fail, rows):
    runs = [
        fail("RNN", "the loss is nan,\n  at step 3", settings=SETTINGS),
        Run("RNN", tuple(SETTINGS.items()), 1),
        finish("RNN", 2, SETTINGS),
    ]
    collect(folder, runs)
    assert [row["state"] for row in rows()] == ["failed", "unfinished", "finished"]
    assert rows()[0]["error"] == "the loss is nan, at step 3"
    for row in rows()[:2]:
        assert row["data.length"] == "4"
        assert not any(row[name] for name in ("solved", "accuracy", "parameters", "seconds"))


def test_a_run_that_failed_and_was_finished_later_is_finished(folder, finish, fail, rows):
    fail("RNN", "out of memory")
    collect(folder, [finish("RNN")])
    assert (rows()[0]["state"], rows()[0]["error"]) == ("finished", "")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"threshold": 1.0, "best_validation": 3}'])
def test_a_result_that_is_none_is_a_failure(content, folder, finish, rows):
    run = finish("RNN")
    (folder / "runs/RNN" / run.name / "result.json").write_text(content)
    collect(folder, [run, finish("LSTM")])
    assert [row["state"] for row in rows()] == ["failed", "finished"]
    assert rows()[0]["error"] == "result.json is not the result of a run"


def test_what_was_there_stays_if_writing_fails(folder, finish, rows, monkeypatch):
    run = finish("RNN")
    collect(folder, [run])
    before = (folder / "results.csv").read_bytes()
    monkeypatch.setattr(
        os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "disk full"))
    )
    with pytest.raises(OSError, match="disk full"):
        collect(folder, [run, finish("LSTM")])
    assert (folder / "results.csv").read_bytes() == before


def test_a_grid_without_runs_is_a_table_without_rows(folder, rows):
    collect(folder, [])
    assert rows() == [] and rows("curves.csv") == [] and read_results(folder) == []


def _collect_often(folder, runs):
    for _ in range(20):
        collect(folder, runs)


def test_several_processes_collect_at_once(folder, finish, rows):
    runs = [finish(model, seed) for model in ("RNN", "LSTM") for seed in range(20)]
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_collect_often, args=(folder, runs)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(rows()) == 40
    assert not list(folder.glob("*.unfinished"))


@pytest.fixture
def trained(train, tmp_path):
    """Two runs of a second each in the folder of a comparison."""
    runs = [Run("RNN", (("data.length", length),), 0) for length in ("4", "5")]
    for run in runs:
        flags = [flag for flag in SMALL if not flag.startswith(("--run.name", "--data.length"))]
        place = ["--run.root=comparison", "--run.experiment=runs", f"--run.name={run.name}"]
        length = f"--data.length={run.settings[0][1]}"
        assert train("--model=RNN", *flags, length, *place).code == 0
    return runs


def test_real_runs_come_out_as_they_are(trained, folder, rows, curves_of, result_of):
    collect(folder, trained)
    assert [row["run"] for row in rows()] == ["RNN/length=4,seed=0", "RNN/length=5,seed=0"]
    for row, run in zip(rows(), trained, strict=True):
        result = result_of(folder / "runs/RNN" / run.name)
        assert row["state"] == "finished" and float(row["accuracy"]) == result["best_accuracy"]
        assert float(row["validation_loss"]) == result["best_validation"]["loss"]
        logged = curves_of(folder / "runs/RNN" / run.name)
        written = [each for each in rows("curves.csv") if each["run"] == row["run"]]
        for column, tag in (
            ("accuracy", "accuracy/moving_average"),
            ("loss", "loss/train"),
            ("validation_accuracy", "accuracy/validation"),
            ("validation_loss", "loss/validation"),
        ):
            points = [(int(each["step"]), float(each[column])) for each in written if each[column]]
            assert points == logged[tag] and points
        steps = [int(each["step"]) for each in written]
        assert steps == sorted(set(steps))
        # The validations are at other steps than the points of the training.
        assert any(each["accuracy"] == "" for each in written)
        assert read_curves(folder)[row["run"]]["loss"] == logged["loss/train"]

    # Nothing is read twice, and the same comes out.
    first = (folder / "curves.csv").read_bytes()
    read = []
    reading = learning_curves._read_events

    def noting(folder, name):
        read.append(name)
        return reading(folder, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning_curves, "_read_events", noting)
        collect(folder, trained)
        assert read == [] and (folder / "curves.csv").read_bytes() == first

        collect(folder, trained[:1])
        assert {row["run"] for row in rows("curves.csv")} == {"RNN/length=4,seed=0"}
        collect(folder, trained)
        assert read == ["RNN/length=5,seed=0"] and (folder / "curves.csv").read_bytes() == first

        events = next((folder / "runs/RNN/length=4,seed=0").glob("events*"))
        os.utime(events, ns=(1, 1))
        collect(folder, trained)
        assert read[1:] == ["RNN/length=4,seed=0"] and (folder / "curves.csv").read_bytes() == first

        # What somebody wrote into the CSV does not stay.
        (folder / "curves.csv").write_text("run,step\n")
        collect(folder, trained)
        assert len(read) == 4 and (folder / "curves.csv").read_bytes() == first

        (folder / ".curves.json").write_text("{")
        collect(folder, trained)
        assert len(read) == 6 and (folder / "curves.csv").read_bytes() == first
    json.loads((folder / ".curves.json").read_text())
