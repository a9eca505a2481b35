"""A run's folder is taken by one run, and nothing in it is ever written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

from command_line.errors import UsageError
from command_line.run_folder import FinishedAlready, RunFolder
from tests.results import RESULT, RESULT_TEXT

CONFIG = {"data": {"init_args": {"length": 4}}, "trainer": {"max_steps": 60}, "seed_everything": 0}
MORE_STEPS = {**CONFIG, "trainer": {"max_steps": 90}}
LONGER = {**CONFIG, "data": {"init_args": {"length": 5}}}


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    """Of a run that is not there yet."""
    return RunFolder(tmp_path / "runs" / "name")


def fill(folder: RunFolder, *, checkpoint: bool, result: bool) -> dict[Path, bytes]:
    """Let CONFIG have run there so far; what the files hold."""
    folder.path.mkdir(parents=True)
    folder.config_file.write_text(yaml.safe_dump(CONFIG))
    (folder.path / "events.out.tfevents.1").write_bytes(b"curves")
    (folder.path / ".lock").touch()
    if checkpoint:
        folder.checkpoints.mkdir()
        folder.checkpoint("last").write_bytes(b"weights")
    if result:
        folder.result_file.write_text(RESULT_TEXT)
    return files(folder)


def files(folder: RunFolder) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("resumed", [False, True])
def test_a_new_folder_is_made_and_gets_the_config(folder, resumed):
    folder.claim(CONFIG, resumed=resumed)
    assert yaml.safe_load(folder.config_file.read_text()) == CONFIG
    assert list(yaml.safe_load(folder.config_file.read_text())) == list(CONFIG)
    assert {path.name for path in files(folder)} <= {"config.yaml", ".lock"}


@pytest.mark.parametrize("resumed", [False, True])
def test_checking_writes_nothing(folder, resumed):
    folder.check(CONFIG, resumed=resumed)
    assert not folder.path.parent.exists()


@pytest.mark.parametrize("config", [CONFIG, LONGER])
def test_what_died_before_its_first_checkpoint_makes_way(folder, config):
    fill(folder, checkpoint=False, result=False)
    folder.claim(config, resumed=False)
    assert yaml.safe_load(folder.config_file.read_text()) == config
    assert not list(folder.path.glob("events*"))


def test_the_same_command_is_finished_already(folder):
    before = fill(folder, checkpoint=True, result=True)
    with pytest.raises(FinishedAlready) as finished:
        folder.claim(CONFIG, resumed=False)
    assert finished.value.folder == folder
    assert files(folder) == before


@pytest.mark.parametrize("take", [RunFolder.check, RunFolder.claim])
@pytest.mark.parametrize(
    ("checkpoint", "result", "config", "resumed", "says"),
    [
        (True, False, CONFIG, False, "holds this run, unfinished: go on with --ckpt_path last"),
        (True, False, MORE_STEPS, False, "holds this run, unfinished"),
        (True, True, MORE_STEPS, False, "holds this run, finished"),
        (False, True, MORE_STEPS, False, "holds this run, finished"),
        (True, True, LONGER, False, "data.length is 4 there, 5 here"),
        (True, False, LONGER, False, "data.length is 4 there, 5 here"),
        (True, True, LONGER, True, "data.length is 4 there, 5 here"),
        (False, True, LONGER, True, "data.length is 4 there, 5 here"),
    ],
)
def test_a_run_keeps_its_folder(take, checkpoint, result, config, resumed, says, folder):
    before = fill(folder, checkpoint=checkpoint, result=result)
    with pytest.raises(UsageError, match=says) as error:
        take(folder, config, resumed=resumed)
    assert "--run.name NAME" in str(error.value)
    assert files(folder) == before


@pytest.mark.parametrize("result", [False, True])
@pytest.mark.parametrize("config", [CONFIG, MORE_STEPS])
def test_a_run_goes_on_in_its_folder(folder, result, config):
    before = fill(folder, checkpoint=True, result=result)
    folder.claim(config, resumed=True)
    after = files(folder)
    assert yaml.safe_load(after.pop(folder.config_file)) == config
    before.pop(folder.config_file)
    assert after == before


@pytest.mark.parametrize("content", [None, b"", b"model: [", b"- a", b"\xff\xfe"])
def test_a_run_that_does_not_tell_what_it_is_keeps_its_folder(folder, content):
    fill(folder, checkpoint=True, result=True)
    if content is None:
        folder.config_file.unlink()
    else:
        folder.config_file.write_bytes(content)
    before = files(folder)
    with pytest.raises(UsageError, match=r"config.yaml.*--run.name NAME"):
        folder.claim(CONFIG, resumed=False)
    assert files(folder) == before


def test_false_is_not_0(folder):
    fill(folder, checkpoint=True, result=True)
    with pytest.raises(UsageError, match="seed_everything is 0 there, false here"):
        folder.check({**CONFIG, "seed_everything": False}, resumed=False)


def test_a_second_claim_is_refused(folder):
    folder.claim(CONFIG, resumed=False)
    before = files(folder)
    for resumed in (False, True):
        with pytest.raises(UsageError, match="another process is writing to .*--run.name NAME"):
            folder.claim(CONFIG, resumed=resumed)
    assert files(folder) == before


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="cannot write to .*Not a directory.*--run.root"):
        RunFolder(tmp_path / "file" / "name").claim(CONFIG, resumed=False)
    assert (tmp_path / "file").read_text() == "mine"


def test_result(folder):
    assert folder.result() is None
    fill(folder, checkpoint=True, result=True)
    assert folder.result() == RESULT


BROKEN_RESULTS = {
    "missing": None,
    "empty": b"",
    "brace": b"{",
    "null": b"null",
    "list": b"[1]",
    "no text": b"\xff\x00",
    "half": RESULT_TEXT.encode()[:90],
    "another key": RESULT_TEXT.replace("window", "vindow").encode(),
    "another type": json.dumps({**RESULT, "steps": "many"}).encode(),
    "of no step": json.dumps({**RESULT, "best_validation": {"loss": 1.0}}).encode(),
}


@pytest.mark.parametrize("content", BROKEN_RESULTS.values(), ids=BROKEN_RESULTS)
def test_a_broken_result_is_none(content, folder):
    fill(folder, checkpoint=True, result=True)
    folder.result_file.unlink()
    if content is not None:
        folder.result_file.write_bytes(content)
    assert folder.result() is None
    says = "whose result.json is broken" if content is not None else "unfinished"
    with pytest.raises(UsageError, match=f"{says}: go on with --ckpt_path last, or start"):
        folder.check(CONFIG, resumed=False)
    # That writes it again.
    folder.check(CONFIG, resumed=True)


def test_a_run_goes_on_with_the_checkpoints_that_it_has(folder):
    fill(folder, checkpoint=True, result=True)
    kept = folder.checkpoint("step_5")
    folder.checkpoint("last").rename(kept)
    with pytest.raises(UsageError, match=f"finished: go on with --ckpt_path {kept}, or start"):
        folder.check(MORE_STEPS, resumed=False)
    kept.unlink()
    with pytest.raises(UsageError, match="holds this run, finished: start another one with"):
        folder.check(MORE_STEPS, resumed=False)


HALF = yaml.safe_dump(CONFIG)[:30].encode()


@pytest.mark.parametrize("content", [None, b"", b"model: [", b"- a", b"\xff\xfe", HALF])
def test_a_checkpoint_tells_what_a_broken_config_does_not(content, folder):
    fill(folder, checkpoint=True, result=False)
    checkpoint = {"config": CONFIG, "state_dict": {}, "global_step": 60}
    torch.save(checkpoint, folder.checkpoint("step_60"))
    folder.config_file.unlink()
    if content is not None:
        folder.config_file.write_bytes(content)
    assert RunFolder.of(folder.checkpoint("step_60")) == folder
    with pytest.raises(UsageError, match="data.length is .* there, 5 here"):
        folder.check(LONGER, resumed=True)
    folder.claim(MORE_STEPS, resumed=True)
    assert yaml.safe_load(folder.config_file.read_text()) == MORE_STEPS


def test_folder_of_a_checkpoint(folder, tmp_path):
    fill(folder, checkpoint=True, result=False)
    assert RunFolder.of(folder.checkpoint("last")) == folder
    assert RunFolder.of(tmp_path / "last.ckpt") is None
    assert RunFolder.of(folder.path / "other" / "last.ckpt") is None
    folder.config_file.unlink()
    (folder.path / ".lock").unlink()
    assert RunFolder.of(folder.checkpoint("last")) is None
