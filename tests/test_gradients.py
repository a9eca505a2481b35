"""Runs whose gradients overflow or are no numbers go on, and say so."""

from __future__ import annotations

import math
import signal
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT
from tests.resuming import assert_identical, essence, signal_at

RUN = Path("runs/palindromes/RRN/small")
TWO = ["--trainer.devices=2", "--trainer.strategy=ddp_fork"]
CLIPPED = ["--trainer.gradient_clip_val=0.5", "--trainer.log_every_n_steps=1"]
# What the loss of the step after so many others is multiplied by: before and after a checkpoint.
FACTORS = {4: 1e25, 20: math.nan, 31: 1e25, 32: math.inf, 40: math.nan, 41: 1e25}
COUNTS = {"overflowed": 3, "skipped": 3}


def multiply_losses(rank: int | None = None, cut_off_at: int | None = None) -> None:
    """Spoil the losses of all ranks or of one, and perhaps kill the run at a step."""
    from lightning_modules import RRN

    training_step, on_train_end = RRN.training_step, RRN.on_train_end

    def multiply(self, batch, batch_idx):
        outputs = training_step(self, batch, batch_idx)
        if rank in (None, self.global_rank):
            outputs["loss"] = outputs["loss"] * FACTORS.get(self.trainer.global_step, 1.0)
        return outputs

    def keep_what_each_rank_has(self):
        on_train_end(self)
        torch.save((self.clipping.state_dict(), self.state_dict()), f"rank_{self.global_rank}.pt")

    RRN.training_step, RRN.on_train_end = multiply, keep_what_each_rank_has
    if cut_off_at:
        signal_at(cut_off_at, signal.SIGKILL)


def test_the_study_overflows_and_learns_on(train, tmp_path, curves_of, result_of):
    """RMSprop's first step blows up the RRN: its norm at the second one is beyond float32."""
    flags = ["fit", f"--config={ROOT / 'configs/palindromes_study.yaml'}", "--run.name=long"]
    flags += ["--data.length=200", "--data.batch_size=32", "--data.evaluation_size=32"]
    flags += ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false"]
    run = train(*flags, "--trainer.max_steps=20", "--trainer.log_every_n_steps=1")
    assert run.code == 0, run.err
    folder = tmp_path / "runs/palindromes_study/RRN/long"
    overflowed = result_of(folder)["gradients"]["overflowed"]
    assert overflowed > 0
    assert f"\n  gradients      {overflowed} overflowed and clipped\n" in run.out
    curves = curves_of(folder)
    norms = dict(curves["optimizer/gradient_norm"])
    assert all(map(math.isfinite, norms.values())) and max(norms.values()) > 2e19
    assert curves["optimizer/overflowed"][-1] == (20, overflowed)
    losses = [loss for _, loss in curves["loss/train"]]
    assert max(losses) > 1e10 and losses[-1] < 10


def test_what_is_counted_is_told(train_in_process, small, tmp_path, curves_of, result_of):
    run = train_in_process(*small, *CLIPPED, prepare=multiply_losses)
    assert run.code == 0, run.err
    assert "  gradients      3 overflowed and clipped, 3 not finite and skipped\n" in run.out
    assert result_of(tmp_path / RUN)["gradients"] == COUNTS
    curves = curves_of(tmp_path / RUN)
    for name, factor in (("overflowed", 1e25), ("skipped", None)):
        steps = [
            step + 1
            for step, each in FACTORS.items()
            if (each == factor) or (factor is None and not math.isfinite(each))
        ]
        counted = [(step, sum(each <= step for each in steps)) for step in range(steps[0], 61)]
        assert curves[f"optimizer/{name}"] == counted
    norms = dict(curves["optimizer/gradient_norm"])
    assert 1e22 < norms[5] < 1e27 and not math.isfinite(norms[21]) and norms[22] < 1e3


def test_a_run_without_them_says_nothing(train, small, tmp_path, curves_of, result_of):
    run = train(*small, *CLIPPED)
    assert "  gradients" not in run.out
    assert result_of(tmp_path / RUN)["gradients"] == {"overflowed": 0, "skipped": 0}
    curves = curves_of(tmp_path / RUN)
    assert not {"optimizer/overflowed", "optimizer/skipped"} & set(curves)


def multiply_losses_unread(rank: int | None = None, cut_off_at: int | None = None) -> None:
    """As on a GPU, where nobody waits for a gradient."""
    from lightning_modules import undoing

    undoing.is_asynchronous = lambda tensor: True
    keep = undoing.Undoing.keep

    def keep_and_note(self, *arguments):
        keep(self, *arguments)
        with Path("kept.txt").open("a") as file:
            file.write("x")

    undoing.Undoing.keep = keep_and_note
    multiply_losses(rank, cut_off_at)


RULES = {
    "RMSprop": [],
    "inhibitory": ["--model.inhibitory=true"],
    "momentum by value": [
        "--optimizer=SGD",
        "--optimizer.lr=0.1",
        "--optimizer.momentum=0.9",
        "--trainer.gradient_clip_algorithm=value",
    ],
    "not clipped": ["--trainer.gradient_clip_val=null"],
    "accumulated": ["--trainer.accumulate_grad_batches=2"],
}


@pytest.mark.parametrize("rules", RULES)
def test_a_run_that_reads_no_gradient_is_the_same(
    rules, train_in_process, small, tmp_path, curves_of, result_of
):
    """Bit for bit, also where it is killed and resumed."""
    flags, (read, unread) = [*small, *CLIPPED, *RULES[rules]], (tmp_path / "1", tmp_path / "2")
    killed = partial(multiply_losses_unread, cut_off_at=33)
    assert train_in_process(*flags, folder=read, prepare=multiply_losses).code == 0
    assert train_in_process(*flags, folder=unread, prepare=killed).code == -9
    flags.append("--ckpt_path=last")
    run = train_in_process(*flags, folder=unread, prepare=multiply_losses_unread)
    assert run.code == 0, run.err
    found = [essence(folder / RUN, curves_of, result_of) for folder in (read, unread)]
    for each in found:
        # A norm that is no number equals nothing, not even itself.
        each["curves"] = str(each["curves"])
    assert found[0]["gradients"]["skipped"] == 3
    assert_identical(*found)
    # 33 steps and, from the checkpoint on, 30, but for the first ones.
    assert len((unread / "kept.txt").read_text()) == 32 + 29


def test_a_resumed_run_has_the_same_counts(train_in_process, small, tmp_path, curves_of, result_of):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    flags = [*small, *CLIPPED]
    assert train_in_process(*flags, folder=whole, prepare=multiply_losses).code == 0
    killed = partial(multiply_losses, cut_off_at=33)
    assert train_in_process(*flags, folder=parts, prepare=killed).code == -9
    resumed = train_in_process(*flags, "--ckpt_path=last", folder=parts, prepare=multiply_losses)
    assert resumed.code == 0, resumed.err
    expected = essence(whole / RUN, curves_of, result_of)
    assert expected["gradients"] == expected["result"]["gradients"] == COUNTS
    found = essence(parts / RUN, curves_of, result_of)
    # A norm that is no number equals nothing, not even itself.
    for each in (expected, found):
        curve = each["curves"]["optimizer/gradient_norm"]
        each["curves"]["optimizer/gradient_norm"] = str(curve)
        each["curves"]["loss/train"] = str(each["curves"]["loss/train"])
    assert_identical(expected, found)


def test_an_older_checkpoint_is_counted_from_zero(train_in_process, small, tmp_path, result_of):
    flags = [*small, *CLIPPED]
    killed = partial(multiply_losses, cut_off_at=33)
    assert train_in_process(*flags, prepare=killed).code == -9
    last = tmp_path / RUN / "checkpoints/last.ckpt"
    checkpoint = torch.load(last, weights_only=True)
    assert checkpoint.pop("gradients") == {"overflowed": 1, "skipped": 1}
    torch.save(checkpoint, last)
    run = train_in_process(*flags, "--ckpt_path=last", prepare=multiply_losses)
    assert run.code == 0, run.err
    assert result_of(tmp_path / RUN)["gradients"] == {"overflowed": 2, "skipped": 2}


@pytest.mark.parametrize("spoil", [multiply_losses, multiply_losses_unread])
def test_ranks_agree_on_what_only_one_of_them_has(
    spoil, train_in_process, small, tmp_path, result_of
):
    """The gradients of all are added up, and so is what spoils them."""
    run = train_in_process(*small, *CLIPPED, *TWO, prepare=partial(spoil, rank=1))
    assert run.code == 0, run.err
    assert result_of(tmp_path / RUN)["gradients"] == COUNTS
    assert run.out.count("3 overflowed and clipped, 3 not finite and skipped") == 1
    ranks = [torch.load(tmp_path / f"rank_{rank}.pt") for rank in (0, 1)]
    assert_identical(*ranks)
    assert all(bool(tensor.isfinite().all()) for tensor in ranks[0][1].values())


UNCLIPPED = {
    "by value": ["--trainer.gradient_clip_val=0.5", "--trainer.gradient_clip_algorithm=value"],
    "not at all": ["--trainer.gradient_clip_val=null"],
    "accumulated": ["--trainer.gradient_clip_val=0.5", "--trainer.accumulate_grad_batches=2"],
    "in double precision": ["--trainer.gradient_clip_val=0.5", "--trainer.precision=64-true"],
    "mixed with bfloat16": ["--trainer.gradient_clip_val=0.5", "--trainer.precision=bf16-mixed"],
}


@pytest.mark.parametrize("how", UNCLIPPED)
def test_steps_are_skipped_however_gradients_are_clipped(
    how, train_in_process, small, tmp_path, result_of
):
    run = train_in_process(*small, *UNCLIPPED[how], prepare=multiply_losses)
    assert run.code == 0, run.err
    # Nothing of 1e25 overflows float64.
    overflowed = 0 if how == "in double precision" else 3
    expected = {"overflowed": overflowed, "skipped": 3}
    assert result_of(tmp_path / RUN)["gradients"] == expected
    weights = torch.load(tmp_path / "rank_0.pt")[1]
    assert all(bool(tensor.isfinite().all()) for tensor in weights.values())
