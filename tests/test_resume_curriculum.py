"""A run under a curriculum that was cut off goes on as if it had not been, bit for bit."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml

from tests.climbing import CLIMBING
from tests.resuming import assert_identical, essence, signal_at

RUN = Path("runs/palindromes/GRU/small")
ACCUMULATING = "--trainer.accumulate_grad_batches=4"


def signal_in_slice(number: int, sent: int) -> None:
    """Send this process a signal in the middle of a slice of an accumulated step, from 0."""
    from lightning_modules import GRU

    training_step = GRU.training_step

    def send(self, batch, batch_idx):
        # The count of batches begins anew where a run is resumed.
        if batch_idx == number:
            os.kill(os.getpid(), sent)
        return training_step(self, batch, batch_idx)

    GRU.training_step = send


def fail_at(step: int) -> None:
    """Raise an exception in the middle of a training step, from 0."""
    from lightning_modules import GRU

    training_step = GRU.training_step

    def fail(self, batch, batch_idx):
        if self.trainer.global_step == step:
            raise RuntimeError("out of luck")
        return training_step(self, batch, batch_idx)

    GRU.training_step = fail


@pytest.fixture(scope="module")
def undisturbed(start_process, tmp_path_factory):
    """Undisturbed runs by their flags, each trained once."""
    folders: dict[tuple[str, ...], Path] = {}

    def folder_of(*flags: str) -> Path:
        if flags not in folders:
            folders[flags] = tmp_path_factory.mktemp("undisturbed")
            process = start_process([*CLIMBING, *flags], folders[flags])
            process.join(120)
            assert process.exitcode == 0
        return folders[flags] / RUN

    return folder_of


def first_steps(folder, result_of):
    """The first step, from 1, of each stage after the first."""
    stages = result_of(folder)["stages"]
    assert len(stages) >= 5
    return [stage["step"] for stage in stages[1:]]


def test_stopped_around_changes_of_the_stage(
    train_in_process, undisturbed, tmp_path, curves_of, result_of
):
    """Where a step decides, where the one between is made, and where the new length is read."""
    whole = undisturbed()
    first, second = first_steps(whole, result_of)[1:3]
    resume: list[str] = []
    for step in (first - 2, first - 1, first, second - 1):
        prepare = partial(signal_at, step, signal.SIGTERM)
        run = train_in_process(*CLIMBING, *resume, prepare=prepare)
        assert run.code == 143, run.err
        last = torch.load(tmp_path / RUN / "checkpoints/last.ckpt", weights_only=True)
        assert last["global_step"] == step
        resume = ["--ckpt_path=last"]
    assert train_in_process(*CLIMBING, *resume).code == 0
    expected = essence(whole, curves_of, result_of)
    assert expected["stages"]["stages"]["entered"]
    assert_identical(expected, essence(tmp_path / RUN, curves_of, result_of))


FAULTS = {"sigkill": (partial(signal_at, number=signal.SIGKILL), -9), "exception": (fail_at, 1)}


@pytest.mark.parametrize("fault", FAULTS)
def test_goes_back_to_a_checkpoint_of_a_stage_before(
    fault, train_in_process, undisturbed, tmp_path, curves_of, result_of
):
    """What was decided after the checkpoint is forgotten, and decided again."""
    whole = undisturbed()
    send, exit_code = FAULTS[fault]
    step = first_steps(whole, result_of)[3]
    assert train_in_process(*CLIMBING, prepare=partial(send, step)).code == exit_code
    last = torch.load(tmp_path / RUN / "checkpoints/last.ckpt", weights_only=True)
    entered = last["Palindromes"]["stages"]["entered"]
    assert last["global_step"] < step and [step - 1] not in [stage[:1] for stage in entered]
    assert train_in_process(*CLIMBING, "--ckpt_path=last").code == 0
    expected = essence(whole, curves_of, result_of)
    assert_identical(expected, essence(tmp_path / RUN, curves_of, result_of))


@pytest.mark.parametrize(
    ("sent", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)], ids=["term", "kill"]
)
def test_stopped_between_two_slices_of_a_step(
    sent, exit_code, train_in_process, undisturbed, tmp_path, curves_of, result_of
):
    whole = undisturbed(ACCUMULATING)
    step = first_steps(whole, result_of)[1]
    flags = [*CLIMBING, ACCUMULATING]
    # The third of four slices of the step in which the new length is drawn.
    prepare = partial(signal_in_slice, 4 * (step - 2) + 2, sent)
    run = train_in_process(*flags, prepare=prepare)
    assert run.code == exit_code, run.err
    assert train_in_process(*flags, "--ckpt_path=last").code == 0
    expected = essence(whole, curves_of, result_of)
    assert_identical(expected, essence(tmp_path / RUN, curves_of, result_of))


def forget_curricula(folder: Path) -> None:
    """Make a run one from before there were any."""
    file = folder / "config.yaml"
    config = yaml.safe_load(file.read_text())
    del config["data"]["init_args"]["curriculum"]
    file.write_text(yaml.safe_dump(config))
    for file in (folder / "checkpoints").iterdir():
        checkpoint = torch.load(file, weights_only=True)
        assert "Palindromes" not in checkpoint
        del checkpoint["config"]["data"]["init_args"]["curriculum"]
        del checkpoint["callbacks"]["Convergence"]["counted"]
        torch.save(checkpoint, file)


@pytest.mark.parametrize("by_flags", [True, False], ids=["by its flags", "by its folder"])
def test_a_run_from_before_there_were_curricula(
    by_flags, train_in_process, tmp_path, small, curves_of, result_of
):
    old, whole = tmp_path / "old", tmp_path / "whole"
    run = Path("runs/palindromes/RRN/small")
    stopped = partial(signal_at, 33, signal.SIGTERM)
    assert train_in_process(*small, folder=whole).code == 0
    assert train_in_process(*small, folder=old, prepare=stopped).code == 143
    forget_curricula(old / run)
    command = [*small, "--ckpt_path=last"] if by_flags else [f"--ckpt_path={run}"]
    resumed = train_in_process(*command, folder=old)
    assert resumed.code == 0, resumed.err
    expected = essence(whole / run, curves_of, result_of)
    assert_identical(expected, essence(old / run, curves_of, result_of))
