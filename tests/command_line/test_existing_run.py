"""Runs that are there already: told again, started over, measured, and repeated elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import yaml

RUN = "runs/palindromes/RRN/small"


def contents(folder: Path) -> dict[Path, bytes | None]:
    """All that is in a folder: files with their bytes, and folders."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def assert_same_training(one: Path, other: Path, curves_of) -> None:
    """The same curves and weights, bit for bit."""
    for curve in ("loss/train", "loss/validation"):
        assert curves_of(one)[curve] == curves_of(other)[curve]
    weights = [
        torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for folder in (one, other)
    ]
    assert list(weights[0]) == list(weights[1])
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name


@pytest.mark.parametrize("by_config", [False, True], ids=["flags", "config.yaml"])
def test_the_same_command_again_changes_nothing(by_config, train, finished, small, tmp_path):
    before = contents(tmp_path)
    outcome = train(*(["--config", f"{RUN}/config.yaml"] if by_config else small))
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"This very run is finished already, in {RUN}.\n")
    assert "Not converged by step 60." in outcome.out
    assert contents(tmp_path) == before


def test_a_run_that_died_before_its_first_checkpoint_starts_over(
    train, finished, small_run, small, curves_of
):
    shutil.rmtree(finished / "checkpoints")
    (finished / "result.json").unlink()
    outcome = train(*small)
    assert outcome.code == 0, outcome.err
    assert (finished / "result.json").is_file()
    # No point of the dead run is left among those of the new one.
    assert_same_training(small_run(small), finished, curves_of)


@pytest.mark.parametrize("subcommand", ["validate", "test"])
def test_a_measurement_asks_for_the_same_model_only(subcommand, train, finished, tmp_path):
    before = contents(tmp_path)
    flags = ["--data.length=6", "--optimizer=Adam", "--optimizer.lr=1", "--seed_everything=3"]
    outcome = train(subcommand, "--ckpt_path", RUN, *flags, "--trainer.accelerator=cpu")
    assert (outcome.code, outcome.err) == (0, "")
    assert "RRN of step " in outcome.out and "palindromes, 6 digits read" in outcome.out
    assert f"{RUN}/checkpoints/best.ckpt" in outcome.out
    assert contents(tmp_path) == before


def test_checkpoints_and_config_yaml_hold_the_same_settings(small_run, small):
    folder = small_run(small)
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    for name in ("best", "last"):
        checkpoint = torch.load(folder / f"checkpoints/{name}.ckpt", weights_only=True)
        assert yaml.safe_dump(checkpoint["config"]) == yaml.safe_dump(settings)


def test_config_yaml_alone_repeats_the_run(train, small_run, small, tmp_path, curves_of):
    original = small_run(small)
    shutil.copy(original / "config.yaml", tmp_path / "repeat.yaml")
    outcome = train("--config", "repeat.yaml")
    assert outcome.code == 0, outcome.err
    repeated = tmp_path / RUN
    assert (repeated / "config.yaml").read_bytes() == (original / "config.yaml").read_bytes()
    assert_same_training(original, repeated, curves_of)


def test_config_yaml_of_a_resumed_run_names_no_checkpoint(train, finished):
    before = yaml.safe_load((finished / "config.yaml").read_text())
    outcome = train("--ckpt_path", RUN, "--trainer.max_steps=62")
    assert outcome.code == 0, outcome.err
    before["trainer"]["max_steps"] = 62
    assert yaml.safe_load((finished / "config.yaml").read_text()) == before
