"""Lengths that nothing can be measured at: one line, exit code 2, and nothing is written."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT

RUN = "runs/palindromes/RRN/small"
TEST = f"test --ckpt_path {RUN}"
COMPARE = "compare --config small.yaml --models RNN"
TOO_LONG = 10**13


@pytest.fixture(scope="module")
def trained(start_process, tmp_path_factory):
    """A finished run: in this folder, with these flags, once."""
    folder = tmp_path_factory.mktemp("trained")

    def train_once(flags: list[str]) -> Path:
        if not (folder / "runs").exists():
            process = start_process(flags, folder)
            process.join(120)
            assert process.exitcode == 0
        return folder / "runs"

    return train_once


WRONG = {
    "one digit": (f"{TEST} --lengths 1", "--lengths 1: length must be at least 2, got 1"),
    "one of several": (f"{TEST} --lengths 4,0", "--lengths 0: length must be at least 2, got 0"),
    "text": (f"{TEST} --lengths ten", "--lengths: must be whole numbers such as 5,10,20 or START"),
    "fraction": (f"{TEST} --lengths 1.5", "--lengths: must be whole numbers"),
    "empty": (f"{TEST} --lengths ''", "--lengths: must be a list such as A,B, got ''"),
    "empty range": (f"{TEST} --lengths 9:3", "--lengths: the range 9:3 is empty"),
    "beyond all memory": (f"{TEST} --lengths 4,{TOO_LONG}", f"--lengths {TOO_LONG}: Unable to al"),
    "beyond all numbers": (f"{TEST} --lengths {10**30}", f"--lengths {10**30}: "),
    "two ways": (f"{TEST} --lengths 5 --data.length 6", "takes the place of --data.length"),
    "of validate": (f"validate --ckpt_path {RUN} --lengths 5", "unknown flag --lengths"),
    "output alone": (f"{TEST} --output x.csv", "--output goes with --lengths"),
    "no table": (f"{TEST} --lengths 5 --output x.png", "must be a file whose name ends in .csv"),
    "output there": (f"{TEST} --lengths 5 --output there.csv", "there.csv is there already"),
    "picture there": (f"{TEST} --lengths 5 --output seen.csv", "seen.png is there already"),
    "no folder": (f"{TEST} --lengths 5 --output no/x.csv", "there is no folder no"),
    "no run": ("test --ckpt_path mine.ckpt --lengths 5", "say where the table goes with --output"),
    "comparison: text": (f"{COMPARE} --test_lengths ten", "--test_lengths: must be whole numbers"),
    "comparison: empty": (f"{COMPARE} --test_lengths ''", "--test_lengths: must be a list such as"),
    "comparison: file": ("compare --config figure.yaml", "figure.yaml: test_lengths: the range 9"),
}
# Known only once the parser of `fit` has understood the runs, when their grid is shown already.
WRONG_FOR_THE_RUNS = {
    "one digit": (f"{COMPARE} --test_lengths 5,1", "--test_lengths 1: length must be at least 2"),
    "beyond all memory": (f"{COMPARE} --test_lengths {TOO_LONG}", "--test_lengths 1000000"),
    "length of the runs": (
        f"{COMPARE} --test_lengths 5 --lengths 1",
        "length must be at least 2, got 1",
    ),
    "text": (
        f"compare --config {ROOT}/configs/characters.yaml --test_lengths 5",
        "--test_lengths: Text has no length that may change when a network is measured",
    ),
    "graph": (
        f"compare --config {ROOT}/configs/graphs.yaml --test_lengths 5",
        "--test_lengths: Graph has no length that may change when a network is measured",
    ),
}


def contents(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input(case, trained, train, small, small_config, tmp_path):
    shutil.copytree(trained(small), tmp_path / "runs")
    shutil.copy(tmp_path / RUN / "checkpoints/last.ckpt", tmp_path / "mine.ckpt")
    for name in ("there.csv", "seen.png"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "figure.yaml").write_text("compare: {config: small.yaml, test_lengths: '9:3'}")
    command, message = WRONG[case]
    before = contents(tmp_path)
    outcome = train(*shlex.split(command))
    assert outcome.code == 2 and not outcome.out
    assert outcome.err.startswith("train.py: error: ") and message in outcome.err
    assert outcome.err.count("\n") == 1 and contents(tmp_path) == before


@pytest.mark.parametrize("case", WRONG_FOR_THE_RUNS)
def test_wrong_for_the_runs_of_a_comparison(case, start_process, train, small_config, tmp_path):
    command, message = WRONG_FOR_THE_RUNS[case]
    outcome = train(*shlex.split(command))
    assert outcome.code == 2
    assert outcome.err.startswith("train.py: error: ") and message in outcome.err
    assert outcome.err.count("\n") == 1 and list(tmp_path.iterdir()) == [small_config]


def test_of_a_graph(train, tmp_path):
    flags = [f"--config={ROOT}/configs/graphs.yaml", "--trainer.max_steps=2", "--run.name=small"]
    assert train("fit", *flags, "--trainer.enable_progress_bar=false").code == 0
    before = contents(tmp_path)
    outcome = train("test", "--ckpt_path=runs/graphs/GCN/small", "--lengths=5")
    assert outcome.code == 2 and not outcome.out and outcome.err.count("\n") == 1
    assert "--lengths: Graph has no length that may change when a net" in outcome.err
    assert contents(tmp_path) == before
