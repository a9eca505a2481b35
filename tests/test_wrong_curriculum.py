"""Wrong settings of a curriculum: exit code 2, one line, and nothing is written."""

from __future__ import annotations

import shlex

import pytest

from command_line.arguments import DEFAULT_CONFIG
from tests.climbing import CLIMBING

LONG = DEFAULT_CONFIG.with_name("palindromes_long.yaml")
CHARACTERS = DEFAULT_CONFIG.with_name("characters.yaml")
START = "data.curriculum.start: must be a whole number, got"
CASES = {
    "--data.curriculum.start three": f"{START} three",
    "--data.curriculum.start 2.5": f"{START} 2.5",
    "--data.curriculum.start null": "data.curriculum.start must be at least 2, got None",
    "--data.curriculum.window null": "data.curriculum.window must be at least 1, got None",
    "--data.curriculum.growth null": "data.curriculum.growth must be above 1, got None",
    "--data.curriculum '{start: x}'": f"{START} x",
    "--data.curriculum.start 1": "data.curriculum.start must be at least 2, got 1",
    "--data.curriculum.start 11": "data.curriculum.start must be at most data.length, 10, got 11",
    f"--config {LONG} --data.length 2": "start must be at most data.length, 2, got 3",
    "--data.curriculum.growth big": "data.curriculum.growth: must be a number, got big",
    "--data.curriculum.growth 1": "data.curriculum.growth must be above 1, got 1.0",
    "--data.curriculum.growth .inf": "data.curriculum.growth must be a finite number, got inf",
    "--data.curriculum.loss 0": "data.curriculum.loss must be above 0, got 0.0",
    "--data.curriculum.loss .nan": "data.curriculum.loss must be a finite number, got nan",
    "--data.curriculum.window 0": "data.curriculum.window must be at least 1, got 0",
    "--data.curriculum.patience never": "data.curriculum.patience: must be a whole number",
    "--data.curriculum.patience 4": "data.curriculum.patience must be at least 5, got 4",
    "--data.curriculum.fall_back 0": "data.curriculum.fall_back must be at least 1, got 0",
    "--data.curriculum.strat 3": "data.curriculum.strat: Curriculum has no setting strat",
    "--data.curriculum 3": "data.curriculum: must be a group of settings, got 3",
    "--data.curriculum.start 3 --data.num_workers 2": "num_workers must be 0 where there is a",
    f"--config {CHARACTERS} --data.curriculum.start 3": "curriculum",
}


def assert_refused(outcome, says):
    assert outcome.code == 2
    assert outcome.err.startswith("train.py: error: ") and not outcome.out
    assert outcome.err.endswith("\n") and len(outcome.err.splitlines()) == 1, outcome.err
    assert says in outcome.err


@pytest.mark.parametrize("command", CASES)
def test_wrong_setting(command, train, tmp_path):
    assert_refused(train(*shlex.split(command)), CASES[command])
    assert not list(tmp_path.iterdir())


def test_a_run_goes_on_under_its_own_curriculum(train):
    assert train(*CLIMBING, "--trainer.max_steps=2").code == 0
    folder = "runs/palindromes/GRU/small"
    for flag, says in {
        "--data.curriculum.patience=null": "data.curriculum.patience is 4 there, null in this",
        "--data.curriculum=null": "data.curriculum.fall_back is 2 there, (absent) in this command",
    }.items():
        outcome = train("--trainer.max_steps=4", f"--ckpt_path={folder}", flag)
        assert_refused(outcome, says)
        assert "data.curriculum is" not in outcome.err
