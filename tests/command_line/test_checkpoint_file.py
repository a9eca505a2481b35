"""The checkpoint that was meant, a file or one of a run's, and only as it was written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from command_line.checkpoint_file import find_checkpoint, find_named_checkpoint, read_checkpoint
from command_line.errors import UsageError
from command_line.run_folder import RunFolder


@pytest.fixture
def run(tmp_path) -> RunFolder:
    """A run with checkpoints `last` and `best`, beside a run without any."""
    folder = RunFolder(tmp_path / "RRN" / "mine")
    folder.checkpoints.mkdir(parents=True)
    (tmp_path / "RRN" / "empty").mkdir()
    for name in ("last", "best"):
        folder.checkpoint(name).touch()
    return folder


@pytest.mark.parametrize("preferred", ["last", "best"])
def test_of_a_folder_the_preferred(run, preferred):
    assert find_checkpoint(run.path, preferred) == run.checkpoint(preferred)


@pytest.mark.parametrize(("preferred", "there"), [("last", "best"), ("best", "last")])
def test_of_a_folder_the_other_if_it_has_one_only(run, preferred, there):
    run.checkpoint(preferred).unlink()
    assert find_checkpoint(run.path, preferred) == run.checkpoint(there)


@pytest.mark.parametrize("preferred", ["last", "best"])
def test_a_file_whatever_is_preferred(run, preferred):
    for name in ("last", "best"):
        assert find_checkpoint(run.checkpoint(name), preferred) == run.checkpoint(name)


def test_a_folder_of_no_run(run):
    with pytest.raises(UsageError, match="not the folder of a run"):
        find_checkpoint(run.path.parent, "last")


def test_a_missing_file_names_those_beside_it(run):
    with pytest.raises(UsageError) as error:
        find_checkpoint(run.checkpoints / "step_5.ckpt", "last")
    for words in ("step_5.ckpt", str(run.checkpoint("last")), str(run.checkpoint("best"))):
        assert words in str(error.value)


def test_a_missing_run_names_those_beside_it(run):
    with pytest.raises(UsageError) as error:
        find_checkpoint(run.path.with_name("yours"), "last")
    assert str(run.path) in str(error.value)
    assert "empty" not in str(error.value)


@pytest.mark.parametrize("name", ["last", "best"])
def test_by_name(run, name):
    assert find_named_checkpoint(run, name) == run.checkpoint(name)


def test_a_missing_name_tells_the_runs_beside_it(run):
    with pytest.raises(UsageError) as error:
        find_named_checkpoint(RunFolder(run.path.with_name("empty")), "last")
    assert "no checkpoint 'last' in " in str(error.value)
    assert str(error.value).endswith("runs beside it: mine")


def test_read(tmp_path):
    file = tmp_path / "a.ckpt"
    written = {"config": {"model": "RRN"}, "state_dict": {"w": torch.ones(2)}, "global_step": 3}
    torch.save(written, file)
    read = read_checkpoint(file)
    assert torch.equal(read["state_dict"].pop("w"), torch.ones(2))
    assert read == {"config": {"model": "RRN"}, "state_dict": {}, "global_step": 3}


@pytest.mark.parametrize("missing", ["config", "state_dict", "global_step"])
def test_what_every_checkpoint_of_this_project_holds(missing, tmp_path):
    content = {"config": {"model": "RRN"}, "state_dict": {}, "global_step": 3}
    del content[missing]
    torch.save(content, tmp_path / "a.ckpt")
    with pytest.raises(UsageError, match="is not a checkpoint of this project"):
        read_checkpoint(tmp_path / "a.ckpt")


def flip(file: Path, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)


def test_no_flipped_bit_is_read_as_something_else(tmp_path):
    file, state = tmp_path / "a.ckpt", {"w": torch.arange(40.0), "n": torch.ones(3, dtype=int)}
    content = {"config": {"model": "RRN", "lr": 0.1}, "global_step": 3}
    torch.save({**content, "state_dict": state}, file)
    whole, refused = file.read_bytes(), 0
    # Evenly over the file: contents, padding and all kinds of headers.
    for bit in range(random.Random(0).randrange(64), 8 * len(whole), 151):
        file.write_bytes(whole)
        flip(file, bit)
        try:
            read = read_checkpoint(file)
        except UsageError as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            weights = read.pop("state_dict")
            assert read == content and weights.keys() == state.keys(), bit
            assert all(weights[name].equal(state[name]) for name in state), bit
    assert refused > 40


@pytest.fixture
def steps(run) -> RunFolder:
    """The run with checkpoints of steps 20, 40 (the best) and 60 (the last)."""
    for name, step in (("step_20", 20), ("best", 40), ("last", 60)):
        content = {"config": {"model": "RRN"}, "state_dict": {"w": torch.ones(50)}}
        torch.save({**content, "global_step": step}, run.checkpoint(name))
    return run


def test_what_is_intact_beside_a_broken_checkpoint_is_told(steps):
    last, best = steps.checkpoint("last"), steps.checkpoint("best")
    flip(last, 8 * last.read_bytes().index(bytes([0, 0, 128, 63]) * 50))
    with pytest.raises(UsageError) as error:
        read_checkpoint(last, "test")
    assert str(error.value).endswith(
        "is not what was written; intact beside it: best.ckpt of step 40, step_20.ckpt of step 20; "
        f"go on with: python train.py test --ckpt_path {best}"
    )
    for broken in (best, steps.checkpoint("step_20")):
        broken.write_bytes(broken.read_bytes()[:-100])
    steps.config_file.write_text("model: RRN")
    with pytest.raises(UsageError) as error:
        read_checkpoint(last)
    assert str(error.value).endswith(
        "no other checkpoint of the run is intact, but its settings are: train it again with: "
        f"python train.py fit --config {steps.config_file} --run.name NAME"
    )


@pytest.mark.parametrize("preferred", ["last", "best"])
def test_a_run_without_last_and_best_has_others(steps, preferred):
    for name in ("last", "best"):
        steps.checkpoint(name).unlink()
    says = rf"no checkpoint .*{preferred}.*; there are \S*step_20.ckpt: name one of them"
    with pytest.raises(UsageError, match=says):
        find_checkpoint(steps.path, preferred)
    with pytest.raises(UsageError, match=says):
        find_named_checkpoint(steps, preferred)


def endless():
    settings = {"a": {}}
    settings["a"]["b"] = settings
    return settings


def laughs():
    settings = [0]
    for _ in range(60):
        settings = [settings, settings]
    return {"a": settings}


@pytest.mark.parametrize("make", [endless, laughs])
def test_settings_without_end(make, tmp_path):
    file = tmp_path / "a.ckpt"
    torch.save({"config": make(), "state_dict": {}, "global_step": 3}, file)
    with pytest.raises(UsageError, match="its settings are without end"):
        read_checkpoint(file)
