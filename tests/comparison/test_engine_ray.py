"""The same comparison through Ray, on one machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command_line.errors import UsageError
from comparison.engine_ray import RayEngine
from tests.conftest import ROOT
from tests.resuming import assert_identical, essence

GRID = ["compare", "--config=small.yaml", "--models=RNN,RRN", "--vary=optimizer.lr=0.01,-1"]
GRID += ["--trainer.max_steps=400", "--jobs=2"]
RUNS = Path("comparisons/small/runs")


@pytest.fixture
def ray(monkeypatch) -> None:
    """Skips where Ray is not installed."""
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")


def start(folder: Path) -> subprocess.Popen[str]:
    """Start the comparison through Ray, in a session of its own."""
    command = [sys.executable, str(ROOT / "train.py"), *GRID, "--engine=ray"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def test_ray_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"--engine ray needs Ray: pip install"):
        RayEngine(1, 1, None)


@pytest.mark.timeout(240)
def test_stopped_and_killed_through_ray_the_results_are_those_of_processes(
    ray, start_process, train, small_config, tmp_path, curves_of, result_of
):
    process = start(tmp_path)
    best = tmp_path / RUNS / "RNN/lr=0.01,seed=0/checkpoints/best.ckpt"
    deadline = time.monotonic() + 120
    while not best.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143 and "nothing is lost" in out, err
    log = (tmp_path / RUNS.parent / "logs/RNN/lr=0.01,seed=0.log").read_text()
    assert re.search(r"Interrupted at step \d+; nothing is lost", log)

    process = start(tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert "2 of 4 runs failed:" in out and "RNN/lr=-1,seed=0: " in out

    other = tmp_path / "local"
    other.mkdir()
    (other / "small.yaml").write_text(small_config.read_text())
    os.chdir(other)
    assert train(*GRID).code == 1
    for model in ("RNN", "RRN"):
        run = RUNS / model / "lr=0.01,seed=0"
        expected, found = (
            essence(folder / run, curves_of, result_of) for folder in (other, tmp_path)
        )
        assert_identical(expected, found)
