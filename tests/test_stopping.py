"""A run that has ended by itself and is trained on is the run that never ended, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import QUICK, ROOT
from tests.resuming import assert_identical, essence

WRITER = [
    "fit",
    f"--config={ROOT / 'configs/characters.yaml'}",
    "--data.corpus=book.txt",
    "--data.length=9",
    "--data.batch_size=4",
    "--model.hidden_size=8",
    "--model.dropout=0.3",
    "--samples.length=5",
    *QUICK,
]
# A validation more would lower the learning rate, and end its patience.
WAITING = [
    "--optimizer.lr=0.5",
    "--early_stopping.patience=3",
    "--lr_scheduler=ReduceLROnPlateau",
    "--lr_scheduler.monitor=loss/validation",
    "--lr_scheduler.patience=0",
    "--lr_scheduler.threshold=0.5",
]
# Stopped by; and so that a run is not.
CONVERGED = ["--convergence.threshold=0.001", "--convergence.window=33"]
UNBOUND = ["--convergence.threshold=null", "--convergence.window=33"]
CASES = {
    "converged": ([*WRITER, *WAITING], CONVERGED, UNBOUND),
    "out of time, within a step": (
        [*WRITER, "--trainer.accumulate_grad_batches=4", "--trainer.max_steps=20"],
        ["--trainer.max_time=00:01:00:00"],
        [],
    ),
    "epochs that end, batches drawn by workers": (
        [*WRITER, "--data.num_workers=1", "--trainer.limit_train_batches=9"],
        ["--trainer.max_epochs=1"],
        ["--trainer.max_epochs=2"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_trained_on_is_never_stopped(case, train, tmp_path, monkeypatch, curves_of, result_of):
    from callbacks import TimeLimit

    batches = iter(range(10**9))
    monkeypatch.setattr(
        TimeLimit, "time_elapsed", lambda self, stage=None: 0 if next(batches) < 9 else 10**9
    )
    flags, stopped, on = CASES[case]
    (tmp_path / "book.txt").write_text("To be, or not to be, that is the question.\n" * 40)

    def carried_out(*arguments: str) -> Path:
        run = train(*arguments)
        assert run.code == 0, run.err
        (folder,) = tmp_path.glob("runs/*/*/*")
        return folder

    folder = carried_out(*flags, *stopped)
    steps = result_of(folder)["steps"]
    carried_out(*flags, *on, "--ckpt_path=last")
    found = essence(folder, curves_of, result_of)
    assert 0 < steps < found["step"]
    folder.rename(tmp_path / "parts")
    expected = essence(carried_out(*flags, *on), curves_of, result_of)

    for each in (found, expected):
        # Where it stopped, it also measured, and that may have been the best measurement of all.
        each["callbacks"] = {
            name: state
            for name, state in each["callbacks"].items()
            if name not in ("Curves", "Samples", "Checkpoints")
        }
        del each["result"]
        each["curves"] = {
            name: [point for point in curve if point[0] != steps]
            for name, curve in each["curves"].items()
            if name != "result/best_validation_loss"
        }
    assert_identical(expected, found)
