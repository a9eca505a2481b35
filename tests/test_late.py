"""Runs that read their numbers late, as on a GPU: the same decisions on any number of devices."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.conftest import SMALL
from tests.resuming import assert_identical, essence

RUN = Path("runs/palindromes/RRN/small")
TWO = ["--trainer.devices=2", "--trainer.strategy=ddp_fork"]
CONVERGING = ["--convergence.threshold=0.95", "--trainer.max_steps=600"]
LATE = 3


def late(signal_at: int | None = None, number: int = signal.SIGTERM, rank: int = 0) -> None:
    """Read late, and signal to one rank in the middle of a step; each notes what it saves."""
    import callbacks
    from lightning_modules import RRN

    callbacks.late.lateness = lambda trainer: LATE
    training_step, save = RRN.training_step, callbacks.Checkpoints._save

    def send_and_step(self, batch, batch_idx):
        if self.trainer.global_step + 1 == signal_at and self.global_rank == rank:
            os.kill(os.getpid(), number)
        return training_step(self, batch, batch_idx)

    def note_and_save(self, trainer, name):
        ends = (trainer.global_step, trainer.lightning_module.state_dict())
        torch.save(ends, f"rank_{trainer.global_rank}.pt")
        save(self, trainer, name)

    RRN.training_step, callbacks.Checkpoints._save = send_and_step, note_and_save


def test_converges_at_the_same_step_and_stops_later(train_in_process, tmp_path, small, result_of):
    flags = [*small, *CONVERGING]
    results = []
    for name, prepare in (("at once", None), ("late", late)):
        run = train_in_process(*flags, folder=tmp_path / name, prepare=prepare)
        assert run.code == 0, run.err
        results.append(result_of(tmp_path / name / RUN))
    assert results[0]["steps_to_converge"] == results[0]["steps"] < 600
    assert results[1]["steps_to_converge"] == results[0]["steps"]
    assert results[1]["steps"] == results[0]["steps"] + LATE


@pytest.fixture(scope="module")
def undisturbed(start_process, tmp_path_factory):
    """The folder of a run that was never interrupted, and where it converged."""
    folder = tmp_path_factory.mktemp("undisturbed")
    process = start_process([*SMALL, *CONVERGING], folder, late)
    process.join(120)
    assert process.exitcode == 0
    return folder / RUN, json.loads((folder / RUN / "result.json").read_text())["steps_to_converge"]


# Before the step that converges, while it is decided on, and where the run stops.
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("after", [-1, 0, 1, 2, 3])
def test_resumed_around_the_decision_it_is_bit_identical(
    after, number, undisturbed, train_in_process, tmp_path, small, curves_of, result_of
):
    folder, converged_at = undisturbed
    # A killed run goes on from some steps before.
    flags = [*small, *CONVERGING, "--checkpoints.every_n_steps=2"]
    cut = partial(late, converged_at + after, number)
    # A run that ends by itself does not mind a signal in its last step.
    expected = -9 if number == signal.SIGKILL else 143 if after < LATE else 0
    assert train_in_process(*flags, prepare=cut).code == expected
    resumed = train_in_process(*flags, "--ckpt_path=last", prepare=late)
    assert resumed.code == 0, resumed.err
    assert_identical(
        essence(folder, curves_of, result_of), essence(tmp_path / RUN, curves_of, result_of)
    )


def test_both_ranks_decide_alike(train_in_process, tmp_path, small, result_of, undisturbed):
    run = train_in_process(*small, *CONVERGING, *TWO, prepare=late)
    assert run.code == 0, run.err
    ends = [torch.load(tmp_path / f"rank_{rank}.pt") for rank in (0, 1)]
    assert_identical(*ends)
    result = result_of(tmp_path / RUN)
    assert result["steps"] == ends[0][0] == result["steps_to_converge"] + LATE
    assert result["steps_to_converge"] == undisturbed[1]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_rank_stops_both_later(rank, train_in_process, tmp_path, small):
    train_in_process(*small, *TWO, prepare=partial(late, 22, rank=rank))
    ends = [torch.load(tmp_path / f"rank_{rank}.pt") for rank in (0, 1)]
    assert_identical(*ends)
    assert ends[0][0] == 22 + LATE
    checkpoint = torch.load(tmp_path / RUN / "checkpoints/last.ckpt")
    assert checkpoint["global_step"] == 22 + LATE
    assert_identical(dict(checkpoint["state_dict"]), dict(ends[0][1]))


def count_meetings() -> None:
    """Note how often the ranks wait for each other, by step."""
    late()
    from lightning_modules import RRN

    meetings = []
    names = ("barrier", "broadcast", "all_reduce", "all_gather", "all_gather_object")
    for name in (*names, "broadcast_object_list"):
        function = getattr(torch.distributed, name)

        def note(*args, name=name, function=function, **kwargs):
            meetings.append(name)
            return function(*args, **kwargs)

        setattr(torch.distributed, name, note)
    training_step = RRN.training_step

    def note_step(self, batch, batch_idx):
        meetings.append(self.trainer.global_step + 1)
        return training_step(self, batch, batch_idx)

    def keep(self):
        torch.save(meetings, f"meetings_{self.global_rank}.pt")

    RRN.training_step, RRN.on_train_end = note_step, keep


def time_is_over(rank: int) -> None:
    """To one rank, at the end of step 22."""
    late()
    import callbacks

    def time_remaining(self, stage=None):
        trainer = self.trainer
        return -1 if trainer.global_step >= 22 and trainer.global_rank == rank else 1

    def on_fit_start(self, trainer, *arguments):
        self.trainer = trainer

    callbacks.TimeLimit.time_remaining = time_remaining
    callbacks.TimeLimit.on_fit_start = on_fit_start


@pytest.mark.parametrize("rank", [0, 1])
def test_the_time_of_any_rank_stops_both(rank, train_in_process, tmp_path, small):
    limit = ["--trainer.max_time=00:01:00:00", "--trainer.accumulate_grad_batches=2"]
    run = train_in_process(*small, *TWO, *limit, prepare=partial(time_is_over, rank))
    assert run.code == 0, run.err
    ends = [torch.load(tmp_path / f"rank_{rank}.pt") for rank in (0, 1)]
    assert_identical(*ends)
    assert ends[0][0] == 22 + LATE


@pytest.mark.parametrize("more", [0, 1])
def test_ranks_meet_at_no_barrier(more, train_in_process, tmp_path, small):
    """A barrier makes the host wait for its GPU; the sums do not. DDP's own are not seen here."""
    limit = ["--trainer.max_time=00:01:00:00"] * more
    flags = [*small, *TWO, *limit, "--trainer.max_steps=19"]
    run = train_in_process(*flags, prepare=count_meetings)
    assert run.code == 0, run.err
    meetings = torch.load(tmp_path / "meetings_1.pt")
    # Steps without a curve, a validation or a checkpoint.
    for step in (3, 5, 9, 17):
        start, end = meetings.index(step), meetings.index(step + 1)
        # Of the accuracy, a signal and, if there is a limit, the time.
        assert meetings[start + 1 : end] == ["all_reduce"] * (2 + more), step
