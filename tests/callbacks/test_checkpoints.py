"""Checkpoints: when they are written, which one is the best, and what is in them."""

from __future__ import annotations

import os

import pytest
import torch

from callbacks import (
    AtomicCheckpointIO,
    Checkpoints,
    Convergence,
    Interruption,
    RandomState,
    RunLogger,
)


class Noting(AtomicCheckpointIO):
    """Note each checkpoint: its name, its step, and the number of batches trained on."""

    def __init__(self, at_save=lambda step: None):
        self.noted, self.at_save = [], at_save

    def save_checkpoint(self, checkpoint, path, storage_options=None):
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        step = checkpoint["global_step"]
        self.noted.append((path.name.removesuffix(".ckpt"), step, progress["current"]["ready"]))
        self.at_save(step)
        super().save_checkpoint(checkpoint, path, storage_options)


@pytest.fixture
def noted(fit, tmp_path):
    """Train with checkpoints: name, step and batches of each of them, in order."""

    def noted(model, *callbacks, at_save=lambda step: None, validate=None, **settings):
        options = {
            name: settings.pop(name)
            for name in ("every_n_steps", "keep_every_n_steps")
            if name in settings
        }
        if validate:
            settings.update(limit_val_batches=1, val_check_interval=validate)
        noting, interruption = Noting(at_save), Interruption()
        checkpoints = Checkpoints(tmp_path / "checkpoints", interruption, {"a": [1]}, **options)
        fit(model, interruption, *callbacks, checkpoints, plugins=[noting], **settings)
        return noting.noted

    return noted


def written(noted, name):
    return [step for each, step, _ in noted if each == name]


def test_last_is_written_before_the_first_step_now_and_then_and_at_the_end(noted, scripted):
    saved = noted(scripted(), every_n_steps=4, max_steps=10)
    assert saved == [("last", step, step) for step in (0, 4, 8, 10)]


def test_last_is_written_where_the_run_converges(noted, scripted):
    saved = noted(scripted([1.0] * 20), Convergence(window=3), max_steps=10)
    assert written(saved, "last") == [0, 3]


def test_some_are_kept(noted, scripted, tmp_path):
    saved = noted(scripted(), every_n_steps=100, keep_every_n_steps=3, max_steps=8)
    assert [name for name, *_ in saved] == ["last", "step_3", "step_6", "last"]
    assert sorted(os.listdir(tmp_path / "checkpoints")) == [
        "last.ckpt",
        "step_3.ckpt",
        "step_6.ckpt",
    ]
    kept = torch.load(tmp_path / "checkpoints/step_3.ckpt", weights_only=True)
    assert kept["global_step"] == 3


def test_of_accumulated_batches_only_whole_steps_are_kept(noted, scripted):
    saved = noted(scripted(), every_n_steps=2, accumulate_grad_batches=3, max_steps=5)
    assert saved == [("last", step, 3 * step) for step in (0, 2, 4, 5)]


@pytest.mark.parametrize("validate", [3, 6])
def test_validations_between_whole_steps(noted, scripted, validate):
    saved = noted(
        scripted(validations=[(n / 10, 1.0) for n in range(9)]),
        validate=validate,
        accumulate_grad_batches=3,
        max_steps=4,
    )
    assert all(batches == 3 * step for _, step, batches in saved)
    assert written(saved, "best") == [step for step in (1, 2, 3, 4) if 3 * step % validate == 0]


def test_val_check_interval_counts_steps(train, small, tmp_path, curves_of):
    """Or a checkpoint would be written, and a metric measured, in the middle of a step."""
    accumulated = ["--trainer.accumulate_grad_batches=3", "--data.batch_size=12"]
    interval = ["--trainer.val_check_interval=4", "--trainer.max_steps=8"]
    assert train(*small, *accumulated, *interval).code == 0
    folder = tmp_path / "runs/palindromes/RRN/small"
    assert [step for step, _ in curves_of(folder)["loss/validation"]] == [4, 8]
    best = torch.load(folder / "checkpoints/best.ckpt", weights_only=True)
    progress = best["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]
    assert progress["ready"] == 3 * best["global_step"]


def test_what_is_no_number_is_never_the_best(noted, scripted):
    nan = float("nan")
    validations = [(0.9, nan), (nan, 1.0), (0.1, 1.0), (0.9, nan)]
    saved = noted(scripted(validations=validations), validate=1, max_steps=4)
    assert written(saved, "best") == [3]


def test_best_is_the_highest_accuracy_and_then_the_lowest_loss(noted, scripted):
    validations = {
        2: (0.5, 2.0),
        4: (0.5, 1.5),
        6: (0.4, 0.1),
        8: (0.5, 1.5),
        10: (0.6, 9.0),
        12: (0.6, 9.5),
        14: (0.6, 8.0),
    }
    saved = noted(scripted(validations=validations.values()), validate=2, max_steps=14)
    assert written(saved, "best") == [2, 4, 10, 14]


def test_best_outlives_a_resumption(fit, noted, scripted, tmp_path):
    first = scripted(validations=[(0.5, 1.0), (0.7, 1.0), (0.6, 1.0)])
    noted(first, validate=2, max_steps=6)
    rest = scripted(validations=[(0.65, 1.0), (0.7, 1.0), (0.7, 0.9)])
    last = tmp_path / "checkpoints/last.ckpt"
    assert written(noted(rest, validate=2, max_steps=12, ckpt_path=last), "best") == [12]


def test_a_step_that_is_validated_is_kept_after_it(noted, scripted, tmp_path):
    """Lightning does not make up for a validation that a resumed run has missed."""
    validations = [(0.25, 1.0), (0.5, 1.0)]
    model = scripted(validations=validations)
    saved = noted(model, validate=2, every_n_steps=2, keep_every_n_steps=2, max_steps=4)
    names = [name for name, *_ in saved]
    assert names == ["last", "best", "step_2", "last", "best", "step_4", "last"]
    for step, (accuracy, loss) in zip((2, 4), validations, strict=True):
        kept = torch.load(tmp_path / f"checkpoints/step_{step}.ckpt", weights_only=True)
        assert kept["callbacks"]["Checkpoints"]["best_score"] == [accuracy, -loss]


def test_before_the_first_step_nothing_counts_as_a_validation(noted, scripted):
    model = scripted(validations=[(0.9, 0.1), (0.5, 1.0)])
    saved = noted(model, validate=2, max_steps=2, num_sanity_val_steps=1)
    assert saved == [("last", 0, 0), ("best", 2, 2), ("last", 2, 2)]


def test_curves_are_saved_before_the_checkpoint(noted, scripted, tmp_path, monkeypatch):
    """Or a resumed run, which writes on from there, would leave a gap."""
    saved = []
    monkeypatch.setattr(RunLogger, "save", lambda self: saved.append("curves"))
    noted(
        scripted(),
        logger=RunLogger(tmp_path / "events"),
        at_save=saved.append,
        every_n_steps=2,
        max_steps=5,
    )
    for step in (0, 2, 4, 5):
        assert saved[saved.index(step) - 1] == "curves"
    assert saved[0] == "curves"


PLAIN = (int, float, str, bool, type(None), torch.Tensor)


def assert_plain(value, where="checkpoint"):
    if isinstance(value, dict):
        for key, part in value.items():
            assert type(key) in (str, int), where
            assert_plain(part, f"{where}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            assert_plain(part, f"{where}[{number}]")
    else:
        assert type(value) in PLAIN, f"{where} is a {type(value)}"


@pytest.mark.parametrize("model", ["RNN", "LSTM", "RRN", "GRU"])
def test_plain_types_only(model, train, small, tmp_path):
    flags = ["--trainer.max_steps=20", "--lr_scheduler=CosineAnnealingLR", "--lr_scheduler.T_max=9"]
    assert train(*small, f"--model={model}", *flags).code == 0
    folder = tmp_path / f"runs/palindromes/{model}/small/checkpoints"
    assert sorted(os.listdir(folder)) == ["best.ckpt", "last.ckpt"]
    for file in folder.iterdir():
        checkpoint = torch.load(file, weights_only=True)
        assert_plain(checkpoint)
        assert set(checkpoint["callbacks"]) >= {"Convergence", "Curves", "Checkpoints"}
        assert checkpoint["config"]["data"]["init_args"]["length"] == 4
        assert checkpoint["config"]["model"]["class_path"].endswith(model)


def test_holds_what_a_run_needs_to_go_on(noted, scripted, tmp_path):
    noted(scripted(), RandomState(), max_steps=3)
    checkpoint = torch.load(tmp_path / "checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["config"] == {"a": [1]}
    assert checkpoint["global_step"] == 3
    assert len(checkpoint["random_states"]) == 1
    assert checkpoint["optimizer_states"][0]["state"]


def test_one_that_fails_on_the_way_leaves_the_one_before(noted, scripted, tmp_path, monkeypatch):
    save = torch.save

    def fill_the_disk(checkpoint, file):
        if checkpoint["global_step"] < 4:
            save(checkpoint, file)
        else:
            file.write(b"half of it")
            raise OSError("No space left on device")

    monkeypatch.setattr("torch.save", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        noted(scripted(), every_n_steps=2, max_steps=6)
    last = torch.load(tmp_path / "checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == 2


def test_what_an_earlier_crash_left_is_cleared_away(noted, scripted, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/last.ckpt.unfinished").write_bytes(b"half of it")
    noted(scripted(), max_steps=1)
    assert os.listdir(tmp_path / "checkpoints") == ["last.ckpt"]


@pytest.mark.parametrize("name", ["every_n_steps", "keep_every_n_steps"])
@pytest.mark.parametrize("steps", [0, -5])
def test_numbers_of_steps_out_of_range(name, steps, tmp_path):
    with pytest.raises(ValueError, match=f"^{name} must be at least 1, got {steps}$"):
        Checkpoints(tmp_path, Interruption(), {}, **{name: steps})


def test_a_run_out_of_time_ends_as_any_other(
    train, small, tmp_path, curves_of, result_of, clock, monkeypatch
):
    """With a checkpoint of its last step, and a point of the curves."""
    observe = Convergence.observe

    def observe_for_a_second(self, *observed):
        clock.tick()
        observe(self, *observed)

    monkeypatch.setattr(Convergence, "observe", observe_for_a_second)
    limits = ["--trainer.max_time=00:00:00:05", "--trainer.limit_val_batches=0"]
    assert train(*small, *limits).code == 0
    folder = tmp_path / "runs/palindromes/RRN/small"
    steps = result_of(folder)["steps"]
    assert 5 <= steps <= 6
    last = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == steps
    assert curves_of(folder)["loss/train"][-1][0] == steps
