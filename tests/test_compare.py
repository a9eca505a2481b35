"""A comparison that is killed, stopped, extended or carried out twice has the same results."""

from __future__ import annotations

import csv
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from command_line.program import main
from tests.conftest import ROOT, SMALL_CONFIG
from tests.resuming import assert_identical, essence

FOLDER = Path("comparisons/small")
GRID = ["compare", "--config=small.yaml", "--models=RNN,RRN", "--lengths=3,4", "--seeds=1"]
RUNS = [f"{model}/length={length},seed=0" for model in ("RNN", "RRN") for length in (3, 4)]
# Long enough to be stopped on the way.
LONG = ["--trainer.max_steps=400"]


def wait_until(happens: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def logs(folder: Path) -> dict[str, str]:
    """What the runs have printed, by their names."""
    place = folder / FOLDER / "logs"
    return {str(log.relative_to(place))[:-4]: log.read_text() for log in place.glob("*/*.log")}


def starts(folder: Path) -> dict[str, int]:
    """How many times each run was begun or gone on with."""
    return {name: log.count("$ python") for name, log in logs(folder).items()}


def read_rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture
def essences(curves_of, result_of):
    """All of the runs below a folder that must not depend on how they came about."""

    def collect(folder: Path) -> dict[str, dict]:
        runs = folder / FOLDER / "runs"
        found = [file.parent for file in sorted(runs.glob("*/*/result.json"))]
        return {str(run.relative_to(runs)): essence(run, curves_of, result_of) for run in found}

    return collect


@pytest.fixture(scope="module")
def undisturbed(start_process, tmp_path_factory) -> Path:
    """The long grid, carried out at once by this process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "small.yaml").write_text(SMALL_CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("PL_GLOBAL_SEED", raising=False)
        assert main([*GRID, *LONG, "--jobs=2"]) == 0
    return folder


def has_checkpoint_past_the_first(folder: Path) -> bool:
    """Whether a run that has no result yet has been resumed or has gone on for some steps."""
    for checkpoint in (folder / FOLDER / "runs").glob("*/*/checkpoints/best.ckpt"):
        if not (checkpoint.parent.parent / "result.json").exists():
            return True
    return False


def test_a_grid_whose_processes_are_all_killed_is_finished_afterwards(
    start_process, train, small_config, tmp_path, undisturbed, essences
):
    """As a person starts it, in a process group of its own."""
    command = [sys.executable, str(ROOT / "train.py"), *GRID, *LONG, "--jobs=2"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        wait_until(lambda: has_checkpoint_past_the_first(tmp_path), "no run has begun")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert len(essences(tmp_path)) < len(RUNS)

    finished = train(*GRID, *LONG, "--jobs=2")

    assert finished.code == 0, finished.err
    assert " begun" in finished.out and " figures in comparisons/small/figures" in finished.out
    assert any("--ckpt_path=last" in log for log in logs(tmp_path).values())
    assert_identical(essences(undisturbed), essences(tmp_path))
    assert not list(tmp_path.rglob("*.unfinished"))

    before = starts(tmp_path)
    again = train(*GRID, *LONG)
    assert again.code == 0 and "4 finished already" in again.out
    assert starts(tmp_path) == before


def test_a_grid_that_is_stopped_says_how_to_go_on(
    start_process, train, small_config, tmp_path, undisturbed, essences
):
    process = start_process([*GRID, *LONG, "--jobs=2"], tmp_path)
    wait_until(lambda: has_checkpoint_past_the_first(tmp_path), "no run has begun")
    os.kill(process.pid, signal.SIGINT)
    process.join(60)
    assert process.exitcode == 128 + signal.SIGINT
    said = (tmp_path / "out.txt").read_text()
    go_on = "python train.py compare --config comparisons/small/comparison.yaml --jobs 2"
    assert "nothing is lost" in said and f"{go_on}\n" in said
    assert "nothing is lost" in "".join(logs(tmp_path).values())

    finished = train(*go_on.split()[2:])

    assert finished.code == 0, finished.err
    assert_identical(essences(undisturbed), essences(tmp_path))


def test_two_comparisons_share_a_folder(
    start_process, train, small_config, tmp_path, undisturbed, essences
):
    grid = [*GRID, *LONG, "--lengths=3"]
    other = start_process(grid, tmp_path)
    wait_until(lambda: starts(tmp_path), "no run has begun")
    here = train(*grid)
    other.join(120)
    assert (here.code, other.exitcode) == (0, 0), here.err + (tmp_path / "err.txt").read_text()
    expected = essences(undisturbed)
    assert_identical({name: expected[name] for name in RUNS[::2]}, essences(tmp_path))
    assert starts(tmp_path) == dict.fromkeys(RUNS[::2], 1)


def test_a_larger_grid_adds_what_is_new(start_process, train, small_config, tmp_path, essences):
    assert train(*GRID, "--models=RNN", "--lengths=3").code == 0
    before = essences(tmp_path)
    assert list(before) == RUNS[:1]

    larger = train(*GRID, "--lengths=3,6", "--seeds=2", "--models=RNN", "--jobs=2")

    assert larger.code == 0 and "4 runs" in larger.out and "1 finished already" in larger.out
    after = essences(tmp_path)
    assert_identical(before, {name: after[name] for name in before})
    assert set(starts(tmp_path).values()) == {1} and len(after) == 4


def test_a_failure_leaves_the_others_alone_and_can_be_tried_again(
    start_process, train, small_config, tmp_path, essences
):
    grid = [*GRID, "--lengths=3", "--trainer.max_steps=20"]
    fine, failing = RUNS[::2]
    in_the_way = tmp_path / FOLDER / "runs" / failing
    assert train(*grid, "--models=GRU").code == 0
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("")

    failed = train(*grid)

    assert failed.code == 1
    assert f"failed: {failing}: cannot write to the run's folder" in failed.out
    assert "1 of 2 runs failed:" in failed.out and "--retry_failed" in failed.out
    in_the_way.unlink()
    assert sorted(essences(tmp_path)) == ["GRU/length=3,seed=0", fine]
    before = starts(tmp_path)
    same = train(*grid)
    assert same.code == 1 and "(once more with --retry_failed)" in " ".join(same.out.split())
    assert starts(tmp_path) == before

    again = train(*grid, "--retry_failed")

    assert again.code == 0, again.err
    assert starts(tmp_path) == {**before, failing: 2}
    assert not list((tmp_path / FOLDER / "failed").rglob("*.txt"))


def test_a_run_that_diverges_leaves_the_others_alone(
    start_process, train, small_config, tmp_path, essences
):
    """What comes after it in the same process is what it would have been alone."""
    grid = [*GRID, "--lengths=3", "--trainer.max_steps=20", "--models=RRN", "--jobs=1"]
    assert train(*grid, "--vary=optimizer.lr=0.01").code == 0
    alone = essences(tmp_path)
    shutil.rmtree(tmp_path / FOLDER)

    both = train(*grid, "--vary=optimizer.lr=1e38,0.01")

    assert both.code == 0, both.err
    diverged, fine = (f"RRN/length=3,lr={lr},seed=0" for lr in ("1e38", "0.01"))
    assert_identical(alone[fine], essences(tmp_path)[fine])
    rows = {row["run"]: row for row in read_rows(tmp_path / FOLDER / "results.csv")}
    assert rows[diverged]["state"] == "finished"
    assert not math.isfinite(float(rows[diverged]["validation_loss"] or "nan"))
    assert float(rows[fine]["validation_loss"]) < 10


def test_another_base_config_is_refused(start_process, train, small_config, tmp_path):
    assert train(*GRID, "--models=RNN", "--lengths=3").code == 0
    before = {path: path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    small_config.write_text(small_config.read_text().replace("lr: 0.01", "lr: 0.02"))
    refused = train(*GRID, "--models=RNN", "--lengths=3")
    assert refused.code == 2 and refused.err.count("\n") == 1
    assert "optimizer.lr is 0.01 there, 0.02 here): choose another place with" in refused.err
    assert before == {path: path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
