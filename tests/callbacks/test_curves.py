"""The curves of a run equal those of a plain PyTorch loop that trains the same network."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from pytorch_lightning import Callback

from callbacks import Convergence, Curves, Patience, RunLogger
from datamodules.palindromes import TRAINING, draw_palindromes
from lightning_modules import RRN

RUN = "runs/palindromes/RRN/small"
MAX_NORM = 0.25


def plain_loop(steps, gamma=1.0):
    """Train as a small run does, without Lightning: what each step measured, by step."""
    torch.manual_seed(0)
    model = RRN(encoding="one_hot", hidden_size=8, initialization="torch")
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01)
    accuracies, curves = [], {}
    for step in range(1, steps + 1):
        digits, target = draw_palindromes(16, 4, seed=0, stream=TRAINING, step=step - 1)
        optimizer.zero_grad()
        logits = model(digits)
        loss = F.cross_entropy(logits, target)
        loss.backward()
        gradients = torch.cat([p.grad.flatten() for p in model.parameters()])
        norm = float(gradients.double().pow(2).sum().sqrt())
        for parameter in model.parameters():
            parameter.grad *= min(1.0, MAX_NORM / norm)
        rate = 0.01 * gamma ** (step - 1)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        accuracies.append(sum((logits.argmax(dim=1) == target).tolist()) / 16)
        last = accuracies[-5:]
        curves[step] = {
            "loss/train": loss.item(),
            "accuracy/train": accuracies[-1],
            "accuracy/moving_average": sum(last) / len(last),
            "optimizer/gradient_norm": norm,
            "optimizer/learning_rate": rate,
        }
    return curves


@pytest.fixture
def run(train, small, tmp_path, curves_of):
    """A small run of 30 steps, logged every 7, and its curves."""

    def run(*flags):
        clip = f"--trainer.gradient_clip_val={MAX_NORM}"
        assert train(*small, clip, "--trainer.max_steps=30", *flags).code == 0
        return curves_of(tmp_path / RUN)

    return run


@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_equal_those_of_a_plain_loop(run, gamma, accumulate):
    flags = [f"--trainer.accumulate_grad_batches={accumulate}"]
    if gamma < 1:
        flags += ["--lr_scheduler=ExponentialLR", f"--lr_scheduler.gamma={gamma}"]
    found = run(*flags)

    expected = plain_loop(30, gamma)
    norms = [values["optimizer/gradient_norm"] for values in expected.values()]
    assert max(norms) > MAX_NORM
    for name in expected[1]:
        assert [step for step, _ in found[name]] == [1, 7, 14, 21, 28, 30], name
        if name == "optimizer/learning_rate" and gamma < 1:
            continue
        for step, value in found[name]:
            assert value == pytest.approx(expected[step][name], rel=1e-4), f"{name} at {step}"


def test_learning_rate_is_that_of_the_step(run):
    flags = ["--lr_scheduler=ExponentialLR", "--lr_scheduler.gamma=0.5"]
    for step, rate in run(*flags)["optimizer/learning_rate"]:
        assert rate == pytest.approx(0.01 * 0.5 ** (step - 1))


class Rates(Callback):
    """Note the learning rate that each step is taken with."""

    def __init__(self):
        self.of_steps = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        self.of_steps.append(optimizer.param_groups[0]["lr"])


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_schedule_is_stepped_once_a_step(accumulate, train, small, tmp_path, monkeypatch):
    rates = Rates()
    monkeypatch.setattr("command_line.run_callbacks.RandomState", lambda: rates)
    schedule = ["--lr_scheduler=StepLR", "--lr_scheduler.step_size=2", "--lr_scheduler.gamma=0.5"]
    flags = [f"--trainer.accumulate_grad_batches={accumulate}", "--trainer.max_steps=6"]
    assert train(*small, "--data.batch_size=12", *schedule, *flags).code == 0
    assert rates.of_steps == pytest.approx([0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025])
    last = torch.load(tmp_path / RUN / "checkpoints/last.ckpt", weights_only=True)
    assert last["lr_schedulers"][0]["last_epoch"] == 6


# Which steps


@pytest.fixture
def logged(fit, tmp_path, curves_of):
    """Train a scripted network with curves, and read them."""

    def logged(model, convergence, *callbacks, **settings):
        curves = Curves(convergence)
        fit(model, convergence, curves, *callbacks, logger=RunLogger(tmp_path), **settings)
        return curves_of(tmp_path), curves

    return logged


@pytest.mark.parametrize(
    "every, steps",
    [(1, [1, 2, 3, 4, 5, 6, 7]), (3, [1, 3, 6, 7]), (7, [1, 7]), (50, [1, 7]), (0, [1, 7])],
)
def test_written_at_the_first_every_nth_and_last_step(logged, scripted, every, steps):
    found, _ = logged(scripted(), Convergence(), max_steps=7, log_every_n_steps=every)
    assert set(found) >= {"loss/train", "accuracy/train", "optimizer/gradient_norm"}
    for name, points in found.items():
        if name != "speed/examples_per_second":
            assert [step for step, _ in points] == steps, name


def test_written_at_the_step_that_converges(logged, scripted):
    convergence = Convergence(window=2, threshold=0.75)
    accuracies = [0.0, 0.25, 0.5, 0.75, 0.75, 1.0]
    found, curves = logged(scripted(accuracies), convergence, max_steps=50, log_every_n_steps=3)
    assert found["accuracy/train"] == [(1, 0.0), (3, 0.5), (5, 0.75)]
    assert found["accuracy/moving_average"] == [(1, 0.0), (3, 0.375), (5, 0.75)]
    assert curves.history == {
        "step": [1, 3, 5],
        "accuracy": [0.0, 0.5, 0.75],
        "moving average": [0.0, 0.375, 0.75],
    }


def test_written_at_the_step_whose_validation_stops_the_run(fit, scripted, tmp_path, curves_of):
    convergence = Convergence(window=2)
    curves = Curves(convergence)
    model = scripted([0.0, 0.25, 0.5, 0.75, 1.0, 0.5], validations=[(0.5, 1.0)] * 5)
    settings = {"limit_val_batches": 1, "val_check_interval": 2, "log_every_n_steps": 5}
    logger = RunLogger(tmp_path)
    fit(model, convergence, Patience(2), curves, logger=logger, max_steps=50, **settings)
    found = curves_of(tmp_path)
    assert found["accuracy/train"] == [(1, 0.0), (5, 1.0), (6, 0.5)]
    assert found["accuracy/moving_average"] == [(1, 0.0), (5, 0.875), (6, 0.75)]
    for name in ("loss/train", "optimizer/learning_rate", "optimizer/gradient_norm"):
        assert [step for step, _ in found[name]] == [1, 5, 6]


def test_a_step_is_written_once_though_its_validation_stops_the_run(
    fit, scripted, tmp_path, curves_of
):
    convergence = Convergence()
    model = scripted(validations=[(0.5, 1.0)] * 5)
    settings = {"limit_val_batches": 1, "val_check_interval": 2, "log_every_n_steps": 1}
    curves = Curves(convergence)
    logger = RunLogger(tmp_path)
    fit(model, convergence, Patience(1), curves, logger=logger, max_steps=50, **settings)
    assert [step for step, _ in curves_of(tmp_path)["loss/train"]] == [1, 2, 3, 4]
    assert curves.history["step"] == [1, 2, 3, 4]


def test_validations_are_written_at_their_steps(logged, scripted):
    model = scripted(validations=[(0.25, 3.0), (0.5, 2.0), (0.75, 1.0)])
    settings = {"limit_val_batches": 1, "val_check_interval": 2, "log_every_n_steps": 4}
    found, _ = logged(model, Convergence(), max_steps=6, **settings)
    assert found["accuracy/validation"] == [(2, 0.25), (4, 0.5), (6, 0.75)]
    assert found["loss/validation"] == [(2, 3.0), (4, 2.0), (6, 1.0)]


def test_what_is_measured_before_or_after_the_training_is_no_point(
    fit, scripted, tmp_path, curves_of
):
    model = scripted(validations=[(0.25, 3.0)] * 9)
    convergence = Convergence()
    settings = {"limit_val_batches": 1, "num_sanity_val_steps": 1, "val_check_interval": 2}
    logger = RunLogger(tmp_path)
    trainer = fit(model, convergence, Curves(convergence), logger=logger, max_steps=2, **settings)
    trainer.validate(model, trainer.datamodule, verbose=False)
    assert curves_of(tmp_path)["loss/validation"] == [(2, 3.0)]


def test_who_measures_after_the_training_adds_nothing_to_its_curves(fit, tmp_path, curves_of):
    model, convergence = RRN(hidden_size=3), Convergence()
    settings = {"limit_val_batches": 1, "limit_test_batches": 1, "val_check_interval": 2}
    logger = RunLogger(tmp_path)
    trainer = fit(model, convergence, Curves(convergence), logger=logger, max_steps=3, **settings)
    before = curves_of(tmp_path)
    assert [step for step, _ in before["loss/validation"]] == [2]
    for measure in (trainer.validate, trainer.test):
        (found,) = measure(model, trainer.datamodule, verbose=False)
        assert len(found) == 2
    assert curves_of(tmp_path) == before
    # What a person's own model logs is theirs.
    logger.log_metrics({"loss/validation": 1.0, "mine": 2.0, "epoch": 0}, 9)
    logger.save()
    assert curves_of(tmp_path) == before | {"mine": [(9, 2.0)], "epoch": [(9, 0.0)]}


def test_without_a_logger_the_history_is_still_kept(fit, scripted):
    convergence = Convergence()
    curves = Curves(convergence)
    fit(scripted([0.5] * 3), convergence, curves, max_steps=3, log_every_n_steps=2)
    assert curves.history["step"] == [1, 2, 3]


def test_history_and_seconds_go_on_after_a_resumption(fit, scripted, tmp_path, clock):
    def training(**settings):
        convergence = Convergence()
        curves = Curves(convergence)

        trainer = fit(
            scripted([0.5] * 9, at_batch=clock.tick),
            convergence,
            curves,
            log_every_n_steps=1,
            **settings,
        )
        return trainer, curves

    trainer, _ = training(max_steps=4)
    checkpoint = tmp_path / "cut.ckpt"
    trainer.save_checkpoint(checkpoint)
    clock.now += 1000
    _, curves = training(max_steps=9, ckpt_path=checkpoint)
    assert curves.history["step"] == list(range(1, 10))
    assert curves.stopwatch.seconds == 9


def test_all_validations_are_kept_over_a_resumption(fit, scripted, tmp_path):
    results = [(0.25, 3.0), (0.5, 2.0), (0.75, 1.0), (0.5, 1.5)]
    settings = {"limit_val_batches": 1, "val_check_interval": 2}

    def training(validations, **more):
        convergence = Convergence()
        curves = Curves(convergence)
        trainer = fit(scripted(validations=validations), convergence, curves, **settings, **more)
        return trainer, curves

    trainer, _ = training(results[:2], max_steps=4)
    trainer.save_checkpoint(tmp_path / "cut.ckpt")
    _, curves = training(results[2:], max_steps=8, ckpt_path=tmp_path / "cut.ckpt")
    assert curves.validations == {
        "step": [2, 4, 6, 8],
        "accuracy/validation": [0.25, 0.5, 0.75, 0.5],
        "loss/validation": [3.0, 2.0, 1.0, 1.5],
    }
    assert curves.validation == {"accuracy/validation": 0.5, "loss/validation": 1.5}


def test_what_a_checkpoint_holds_does_not_change_with_the_run(fit, scripted):
    convergence = Convergence()
    curves = Curves(convergence)
    settings = {"limit_val_batches": 1, "val_check_interval": 1, "max_steps": 2}
    fit(scripted(validations=[(0.5, 1.0)] * 2), convergence, curves, **settings)
    state = curves.state_dict()
    again = Curves(convergence)
    again.load_state_dict(state)
    for each in (curves, again):
        each.validations["loss/validation"].append(9.0)
        each.validation["loss/validation"] = 9.0
    assert state["validations"]["loss/validation"] == [1.0, 1.0]
    assert state["validation"]["loss/validation"] == 1.0


# Speed


def test_speed_is_that_of_the_training_since_the_last_point(logged, scripted, clock):
    """12 examples a step, and a second longer each; the minutes of the validations do not count."""

    def take_longer_and_longer(number):
        clock.now += number + 1

    class SlowValidations(Callback):
        def on_validation_batch_start(self, *arguments):
            clock.now += 60

    model = scripted(validations=[(0.0, 1.0)] * 9, at_batch=take_longer_and_longer)
    settings = {"limit_val_batches": 1, "val_check_interval": 2, "log_every_n_steps": 3}
    found, curves = logged(model, Convergence(), SlowValidations(), max_steps=7, **settings)
    expected = {1: 12 / 1, 3: 24 / (2 + 3), 6: 36 / (4 + 5 + 6), 7: 12 / 7}
    assert dict(found["speed/examples_per_second"]) == pytest.approx(expected)
    assert curves.stopwatch.seconds == 28


@pytest.mark.parametrize("accumulate", [1, 4])
def test_speed_is_plausible(run, result_of, tmp_path, accumulate):
    found = run(f"--trainer.accumulate_grad_batches={accumulate}")
    speeds = found["speed/examples_per_second"]
    assert all(speed > 0 for _, speed in speeds)
    seconds, before = 0.0, 0
    for step, speed in speeds:
        seconds += (step - before) * 16 / speed
        before = step
    result = result_of(tmp_path / RUN)
    assert before == result["steps"] == 30
    assert 0.3 * result["seconds"] < seconds <= result["seconds"] + 0.001


def test_losses_that_overflow_are_shown_as_they_are(logged, scripted):
    model = scripted()
    with torch.no_grad():
        model.readout.bias[0] = math.inf
    found, _ = logged(model, Convergence(), max_steps=1)
    assert not math.isfinite(found["loss/train"][0][1])
