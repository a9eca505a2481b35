"""A run in a process that has carried out others is the run that `train.py fit` carries out."""

from __future__ import annotations

import fcntl
import time

import pytest

from comparison.engine_local import LocalEngine
from comparison.folder import ComparisonFolder, State
from comparison.one_run import Kind, carry_out
from tests.resuming import assert_identical, essence

# What changes most in a process: the seed, threads, precision, algorithms, NumPy and warnings.
DISTURBING = {
    "trainer__deterministic": "true",
    "trainer__benchmark": "true",
    "trainer__precision": "64-true",
    "data__length": "6",
    "trainer__max_steps": "5",
}
FAILING = {"optimizer__lr": "1e30", "trainer__detect_anomaly": "true"}


@pytest.fixture
def worker(start_process):
    engine = LocalEngine(1)
    yield engine
    engine.kill()


def answer_of(engine: LocalEngine, *call):
    engine.start(None, *call)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for answer in engine.wait(0.5):
            assert answer.error is None and answer.death is None, answer
            return answer.value
    raise AssertionError("the call hangs")


def test_a_run_in_a_used_worker_is_the_run_on_its_own(
    worker, task_of, train_in_process, tmp_path, curves_of, result_of
):
    disturbing = task_of("LSTM", seed=3, **DISTURBING)
    disturbing = type(disturbing)(disturbing.folder, disturbing.run, {}, threads=2)
    assert answer_of(worker, carry_out, disturbing).kind is Kind.FINISHED
    assert answer_of(worker, carry_out, task_of("RRN", **FAILING)).kind is Kind.FAILED
    task = task_of("RRN", seed=1)
    assert answer_of(worker, carry_out, task).kind is Kind.FINISHED

    flags = ["fit", "--config", str(tmp_path / "small.yaml"), "--seed_everything=1"]
    flags += ["--trainer.enable_progress_bar=false", "--run.name=alone"]
    alone = train_in_process(*flags, folder=tmp_path / "alone")
    assert alone.code == 0, alone.err

    folder = ComparisonFolder(tmp_path / "comparison").run(task.run).path
    expected = essence(tmp_path / "alone/runs/small/RRN/alone", curves_of, result_of)
    assert_identical(expected, essence(folder, curves_of, result_of))


def test_what_a_run_prints_goes_to_its_log(worker, task_of, tmp_path):
    task = task_of("RNN")
    assert answer_of(worker, carry_out, task).kind is Kind.FINISHED
    log = ComparisonFolder(tmp_path / "comparison").log(task.run).read_text()
    assert log.startswith("$ python train.py fit --config=comparison/config.yaml --model=RNN")
    assert "Trained for 60 steps." in log


FAILURES = {
    "a wrong value": ({"data__length": "1"}, "length must be at least 2, got 1"),
    "a number that is none": (FAILING, "RuntimeError: Function "),
    "a setting of another class": ({"model__cell": "LSTM"}, "model.cell: RRN has no setting cell"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_why_a_run_failed_is_noted_in_a_line(case, worker, task_of, tmp_path):
    settings, reason = FAILURES[case]
    task = task_of("RRN", **settings)
    outcome = answer_of(worker, carry_out, task)
    assert outcome.kind is Kind.FAILED and outcome.reason.startswith(reason), outcome
    assert "\n" not in outcome.reason
    folder = ComparisonFolder(tmp_path / "comparison")
    assert folder.state(task.run) is State.FAILED
    assert folder.failure(task.run) == outcome.reason
    # Until somebody asks for it.
    again = answer_of(worker, carry_out, task)
    assert again == outcome and folder.log(task.run).read_text().count("$ python") == 1


@pytest.mark.parametrize("place", ["log", "run"])
def test_a_run_that_another_process_has_is_left_to_it(place, worker, task_of, tmp_path):
    task = task_of("RRN")
    folder = ComparisonFolder(tmp_path / "comparison")
    file = folder.log(task.run) if place == "log" else folder.run(task.run).path / ".lock"
    file.parent.mkdir(parents=True)
    with file.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert answer_of(worker, carry_out, task).kind is Kind.TAKEN
        assert folder.state(task.run) is State.NEW
    assert answer_of(worker, carry_out, task).kind is Kind.FINISHED
