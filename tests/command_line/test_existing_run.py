"""Runs that are there already: told again, started over, measured, and repeated elsewhere."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from command_line.checkpoint_file import read_checkpoint
from storage.archive import Broken

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


def test_a_run_with_a_broken_last_checkpoint_goes_on_as_it_says(train, finished, tmp_path):
    last = finished / "checkpoints/last.ckpt"
    content = bytearray(last.read_bytes())
    # Weights, which torch would read as others.
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    before = contents(tmp_path)
    refused = train("--ckpt_path", RUN)
    assert refused.code == 2 and contents(tmp_path) == before
    assert len(refused.err.splitlines()) == 1
    _, command = refused.err.split("go on with: python train.py ")
    # What goes on beyond the best.
    outcome = train(*shlex.split(command), "--trainer.max_steps=62")
    assert (outcome.code, outcome.err) == (0, "")
    assert read_checkpoint(last)["global_step"] == 62


def test_a_file_that_breaks_between_two_readings(train, finished, monkeypatch):
    def break_now(path: Path) -> None:
        raise Broken(path, "data/3 in it is not what was written")

    monkeypatch.setattr("callbacks.checkpoints.check_archive", break_now)
    outcome = train("--ckpt_path", RUN, "--trainer.max_steps=62")
    assert outcome.code == 2
    assert outcome.err == (
        f"train.py: error: {RUN}/checkpoints/last.ckpt is broken: data/3 in it is not what was "
        f"written\n"
    )


@pytest.mark.parametrize("broken", ["null", '{"vindow": 5'])
def test_a_broken_result_is_written_again(broken, train, finished, result_of):
    before = result_of(finished)
    (finished / "result.json").write_text(broken)
    outcome = train("--ckpt_path", RUN)
    assert (outcome.code, outcome.err) == (0, "")
    after = result_of(finished)
    # Its last checkpoint has not seen the end of the last step.
    for each in (before, after):
        del each["seconds"], each["steps_per_second"]
    assert after == before


def test_a_lost_config_yaml_is_written_again(train, finished):
    file = finished / "config.yaml"
    before = file.read_text()
    for broken in (None, before[: len(before) // 2]):
        file.unlink()
        if broken is not None:
            file.write_text(broken)
        outcome = train("--ckpt_path", RUN)
        assert (outcome.code, outcome.err) == (0, "")
        assert file.read_text() == before


def test_config_yaml_of_a_resumed_run_names_no_checkpoint(train, finished):
    before = yaml.safe_load((finished / "config.yaml").read_text())
    outcome = train("--ckpt_path", RUN, "--trainer.max_steps=62")
    assert outcome.code == 0, outcome.err
    before["trainer"]["max_steps"] = 62
    assert yaml.safe_load((finished / "config.yaml").read_text()) == before
