"""The checkpoint that was meant: a file, or one of a run's."""

from __future__ import annotations

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
