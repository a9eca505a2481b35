"""A run that was cut off and resumed is the run that was never interrupted, bit for bit."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.resuming import assert_identical, essence, signal_at

RUN = Path("runs/palindromes/RRN/small")


def signal_twice(step: int) -> None:
    """Ctrl-C twice within a step."""
    signal_at(step, signal.SIGINT)
    signal_at(step, signal.SIGINT)


def signal_inside_optimizer(step: int, number: int) -> None:
    """Send a signal between the update of the weights and Lightning's count of it."""
    update = torch.optim.RMSprop.step
    calls = 0

    def update_and_send(self, *args, **kwargs):
        nonlocal calls
        loss = update(self, *args, **kwargs)
        calls += 1
        if calls == step:
            os.kill(os.getpid(), number)
        return loss

    torch.optim.RMSprop.step = update_and_send


def fail_at(step: int) -> None:
    """Raise an exception in the middle of a training step."""
    from lightning_modules import RRN

    training_step = RRN.training_step

    def fail(self, batch, batch_idx):
        if self.trainer.global_step == step:
            raise RuntimeError("out of luck")
        return training_step(self, batch, batch_idx)

    RRN.training_step = fail


def kill_while_writing(nth: int) -> None:
    """SIGKILL when half of the n-th checkpoint has been written."""
    save = torch.save
    written = 0

    def write_half(checkpoint, file):
        nonlocal written
        written += 1
        save(checkpoint, file)
        if written == nth:
            file.truncate(file.tell() // 2)
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    torch.save = write_half


def kill_in_validation(step: int) -> None:
    """SIGKILL in the middle of the validation after `step`."""
    from lightning_modules import RRN

    validation_step = RRN.validation_step

    def kill(self, batch, batch_idx):
        validation_step(self, batch, batch_idx)
        if self.trainer.global_step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    RRN.validation_step = kill


FAULTS = {
    # Checkpoints are written at steps 0, 15, 30, 45, 60; validations run at 20, 40, 60.
    "exception at 33": (partial(fail_at, 33), 1),
    "ctrl-c at 33": (partial(signal_at, 33, signal.SIGINT), 130),
    "ctrl-c inside the optimiser": (partial(signal_inside_optimizer, 33, signal.SIGINT), 130),
    "ctrl-c where it validates": (partial(signal_at, 40, signal.SIGINT), 130),
    "sigterm at 33": (partial(signal_at, 33, signal.SIGTERM), 143),
    "sigterm at a checkpoint": (partial(signal_at, 45, signal.SIGTERM), 143),
    "sigkill before the first checkpoint": (partial(signal_at, 3, signal.SIGKILL), -9),
    "sigkill at 33": (partial(signal_at, 33, signal.SIGKILL), -9),
    "sigkill in a validation": (partial(kill_in_validation, 40), -9),
    # In order: last 0, last 15, best 20, last 30, best 40, last 45, best 60, last 60.
    "sigkill while writing best": (partial(kill_while_writing, 5), -9),
    "sigkill while writing last": (partial(kill_while_writing, 6), -9),
    "sigkill while writing at the end": (partial(kill_while_writing, 8), -9),
}


@pytest.fixture(scope="module")
def undisturbed(start_process, tmp_path_factory):
    """Undisturbed runs by their flags, each trained once."""
    folders: dict[tuple[str, ...], Path] = {}

    def folder_of(flags: list[str]) -> Path:
        key = tuple(flags)
        if key not in folders:
            folders[key] = tmp_path_factory.mktemp("undisturbed")
            process = start_process(list(flags), folders[key])
            process.join(120)
            assert process.exitcode == 0
        return folders[key] / RUN

    return folder_of


@pytest.mark.parametrize("fault", FAULTS)
def test_resumed_run_is_bit_identical(
    fault, train_in_process, undisturbed, tmp_path, small, curves_of, result_of
):
    prepare, exit_code = FAULTS[fault]
    interrupted = train_in_process(*small, prepare=prepare)
    assert interrupted.code == exit_code, interrupted.err
    assert not (tmp_path / RUN / "result.json").exists()

    resumed = train_in_process(*small, "--ckpt_path=last")

    assert resumed.code == 0, resumed.err
    expected = essence(undisturbed(small), curves_of, result_of)
    assert_identical(expected, essence(tmp_path / RUN, curves_of, result_of))
    assert not list(tmp_path.rglob("*.unfinished"))


SETTINGS = {
    "converging": ["--convergence.threshold=0.95", "--trainer.max_steps=600"],
    "accumulating": ["--trainer.accumulate_grad_batches=4"],
    "drawing batches in workers": ["--data.num_workers=2", "--trainer.max_steps=40"],
    "on a schedule": ["--lr_scheduler=CosineAnnealingLR", "--lr_scheduler.T_max=50"],
    "on a plateau": [
        "--lr_scheduler=ReduceLROnPlateau",
        "--lr_scheduler.monitor=loss/validation",
        "--lr_scheduler.patience=0",
        "--lr_scheduler.threshold=0.5",
    ],
    "ending between validations": ["--trainer.max_steps=55"],
    "in double precision": ["--trainer.precision=64-true"],
    "with another optimiser": ["--optimizer=Adam", "--optimizer.amsgrad=true"],
}


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_setting_resumes_bit_identically(
    settings, train_in_process, undisturbed, tmp_path, small, curves_of, result_of
):
    flags = small + SETTINGS[settings]
    interrupted = train_in_process(*flags, prepare=partial(signal_at, 33, signal.SIGTERM))
    assert interrupted.code == 143, interrupted.err

    assert train_in_process(*flags, "--ckpt_path=last").code == 0

    expected = essence(undisturbed(flags), curves_of, result_of)
    if settings == "converging":
        assert 33 < expected["result"]["steps_to_converge"] < 600
    assert_identical(expected, essence(tmp_path / RUN, curves_of, result_of))


def test_result_of_fewer_steps_does_not_outlive_them(train_in_process, tmp_path, small):
    assert train_in_process(*small).code == 0
    more = ["--ckpt_path", str(RUN), "--trainer.max_steps=100"]
    prepare = partial(signal_at, 80, signal.SIGKILL)
    assert train_in_process(*more, prepare=prepare).code == -9
    assert not (tmp_path / RUN / "result.json").exists()


def drop_out() -> None:
    """Let the model draw random numbers while it trains."""
    from lightning_modules import RRN

    forward = RRN.forward

    def forward_and_drop(self, digits):
        return torch.nn.functional.dropout(forward(self, digits), 0.2, self.training)

    RRN.forward = forward_and_drop


def drop_out_and_stop() -> None:
    drop_out()
    signal_at(33, signal.SIGKILL)


def test_dropout_goes_on_where_it_stopped(train_in_process, tmp_path, small, curves_of, result_of):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train_in_process(*small, folder=whole, prepare=drop_out).code == 0
    assert train_in_process(*small, folder=parts, prepare=drop_out_and_stop).code == -9
    resume = [*small, "--ckpt_path=last"]
    assert train_in_process(*resume, folder=parts, prepare=drop_out).code == 0

    expected = essence(whole / RUN, curves_of, result_of)
    assert_identical(expected, essence(parts / RUN, curves_of, result_of))


def test_interrupted_again_and_again(
    train_in_process, undisturbed, tmp_path, small, curves_of, result_of
):
    assert train_in_process(*small, prepare=partial(signal_at, 12, signal.SIGINT)).code == 130
    for step in (13, 29, 40, 59):
        prepare = partial(signal_at, step, signal.SIGTERM)
        assert train_in_process("--ckpt_path", str(RUN), prepare=prepare).code == 143
    assert train_in_process("--ckpt_path", str(RUN / "checkpoints/last.ckpt")).code == 0

    expected = essence(undisturbed(small), curves_of, result_of)
    assert_identical(expected, essence(tmp_path / RUN, curves_of, result_of))


def test_finished_run_trains_on_with_more_steps(
    train_in_process, undisturbed, tmp_path, small, curves_of, result_of
):
    assert train_in_process(*small).code == 0
    more = train_in_process("--ckpt_path", str(RUN), "--trainer.max_steps=100")
    assert more.code == 0, more.err

    longer = undisturbed([*small, "--trainer.max_steps=100"])
    expected, found = (essence(folder, curves_of, result_of) for folder in (longer, tmp_path / RUN))
    # The shorter run has a point at its own last step, which the longer one passes by.
    for curves in (expected["curves"], found["curves"]):
        for name, points in curves.items():
            curves[name] = [point for point in points if point[0] != 60]
    for each in (expected, found):
        each["callbacks"] = {k: v for k, v in each["callbacks"].items() if k != "Curves"}
    assert_identical(expected, found)


def test_resuming_a_finished_run_changes_nothing(train_in_process, tmp_path, small):
    assert train_in_process(*small).code == 0
    result = (tmp_path / RUN / "result.json").read_bytes()
    assert train_in_process(*small, "--ckpt_path=last").code == 0
    assert (tmp_path / RUN / "result.json").read_bytes() == result


def test_stricter_convergence_trains_on(train_in_process, tmp_path, small, result_of):
    flags = [*small, *SETTINGS["converging"]]
    assert train_in_process(*flags).code == 0
    first = result_of(tmp_path / RUN)["steps_to_converge"]
    stricter = ["--ckpt_path", str(RUN), "--convergence.window=20"]
    assert train_in_process(*stricter).code == 0
    assert result_of(tmp_path / RUN)["steps_to_converge"] > first


def test_best_is_the_best_validation(train_in_process, tmp_path, small, curves_of):
    assert train_in_process(*small, "--trainer.max_steps=200").code == 0
    best = torch.load(tmp_path / RUN / "checkpoints/best.ckpt", weights_only=True)
    curves = curves_of(tmp_path / RUN)
    losses = dict(curves["loss/validation"])
    expected = max(
        (accuracy, -losses[step], step) for step, accuracy in curves["accuracy/validation"]
    )
    assert best["global_step"] == expected[2]


def test_kept_checkpoints(train_in_process, tmp_path, small):
    assert train_in_process(*small, "--checkpoints.keep_every_n_steps=25").code == 0
    files = {file.name for file in (tmp_path / RUN / "checkpoints").iterdir()}
    assert files == {"best.ckpt", "last.ckpt", "step_25.ckpt", "step_50.ckpt"}


def test_second_ctrl_c_ends_at_once(start_process, tmp_path, small):
    process = start_process(list(small), tmp_path, partial(signal_twice, 33))
    process.join(60)
    assert process.exitcode == 130
    last = torch.load(tmp_path / RUN / "checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == 30


def test_a_time_limit_counts_anew(train_in_process, tmp_path, small, result_of):
    limit = ["--trainer.max_time=00:00:00:01", "--trainer.max_steps=100000"]
    limit += ["--convergence.threshold=null"]
    assert train_in_process(*small, *limit).code == 0
    first = result_of(tmp_path / RUN)["steps"]
    assert train_in_process("--ckpt_path", str(RUN)).code == 0
    assert first < result_of(tmp_path / RUN)["steps"] < 100000


def test_a_run_that_does_not_go_on_forgets_nothing(train_in_process, tmp_path, small, curves_of):
    """Resumed from before its end, it converges where it did; TensorBoard shows all of it."""
    flags = [*small, *SETTINGS["converging"]]
    assert train_in_process(*flags).code == 0
    before = curves_of(tmp_path / RUN)
    events = list((tmp_path / RUN).glob("events*"))
    assert train_in_process(*flags, "--ckpt_path=last").code == 0
    assert curves_of(tmp_path / RUN) == before
    assert list((tmp_path / RUN).glob("events*")) == events


ENDINGS = {
    "epochs that end": ["--trainer.limit_train_batches=30", "--trainer.max_steps=50"],
    "stopping before it may": [
        "--trainer.min_steps=40",
        "--convergence.threshold=0.05",
        "--trainer.max_steps=59",
    ],
    "last epoch": ["--trainer.limit_train_batches=25", "--trainer.max_epochs=1"],
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_last_step_is_always_kept(ending, train_in_process, tmp_path, small, result_of):
    """However the Trainer is told to end, and whether or not it validates there."""
    run = train_in_process(*small, *ENDINGS[ending])
    assert run.code == 0, run.err
    last = torch.load(tmp_path / RUN / "checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == result_of(tmp_path / RUN)["steps"]
