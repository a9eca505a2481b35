"""Convergence: the rule against a brute force, and where it stops a training."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from callbacks import Convergence

# Quarters add up without rounding.
quarters = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
histories = st.lists(quarters, max_size=30)
rules = st.tuples(st.integers(1, 6), st.sampled_from([0.25, 0.5, 0.75, 1.0]))


def observed(convergence, accuracies, first_step=1):
    for step, accuracy in enumerate(accuracies, first_step):
        convergence.observe(accuracy, step)
    return convergence


def brute_force(accuracies, window, threshold):
    """Step of convergence, best mean, and its step; from the whole history."""
    means = {
        step: sum(accuracies[step - window : step]) / window
        for step in range(window, len(accuracies) + 1)
    }
    reached = [step for step, mean in means.items() if mean >= threshold]
    best = max(means.values(), default=None)
    best_steps = [step for step, mean in means.items() if mean == best]
    return (min(reached, default=None), best, min(best_steps, default=None))


@given(histories, rules)
@settings(max_examples=300, derandomize=True, deadline=None)
def test_equals_brute_force(accuracies, rule):
    found = observed(Convergence(*rule), accuracies)
    expected = brute_force(accuracies, *rule)
    assert (found.converged_at, found.best_accuracy, found.best_step) == expected
    last = accuracies[-rule[0] :]
    assert found.moving_average == (sum(last) / len(last) if last else 0.0)
    assert found.converged == (len(last) == rule[0] and sum(last) / rule[0] >= rule[1])


@given(st.lists(st.tuples(quarters, st.booleans()), max_size=30), rules)
@settings(max_examples=300, derandomize=True, deadline=None)
def test_only_steps_of_the_task_itself_count(shown, rule):
    """A curriculum may lead away from it again."""
    window, threshold = rule
    found = Convergence(window, threshold)
    for step, (accuracy, is_task) in enumerate(shown, 1):
        found.observe(accuracy, step, is_task)
    means = {}
    for last in range(window, len(shown) + 1):
        accuracies, are_task = zip(*shown[last - window : last], strict=True)
        if all(are_task):
            means[last] = sum(accuracies) / window
    best = max(means.values(), default=None)
    assert found.best_accuracy == best
    assert found.best_step == next((step for step in means if means[step] == best), None)
    reached = [step for step, mean in means.items() if mean >= threshold]
    assert found.converged_at == min(reached, default=None)
    assert found.converged == (len(shown) in reached)

    resumed = Convergence(window, threshold)
    resumed.load_state_dict(found.state_dict())
    assert resumed.state_dict() == found.state_dict()


def test_state_from_before_there_were_curricula():
    before = observed(Convergence(3, 1.0), [0.0, 1.0, 1.0])
    state = {name: value for name, value in before.state_dict().items() if name != "counted"}
    after = Convergence(3, 1.0)
    after.load_state_dict(state)
    assert after.state_dict() == before.state_dict()
    assert observed(after, [1.0], first_step=4).converged_at == 4


@given(histories, rules, st.integers(0, 30))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_state_goes_on_where_it_was(accuracies, rule, cut):
    whole = observed(Convergence(*rule), accuracies)
    # A run ends where it has converged.
    accuracies = accuracies[: whole.converged_at]
    whole, first = (observed(Convergence(*rule), part) for part in (accuracies, accuracies[:cut]))
    resumed = Convergence(*rule)
    resumed.load_state_dict(first.state_dict())
    observed(resumed, accuracies[cut:], len(accuracies[:cut]) + 1)
    assert resumed.state_dict() == whole.state_dict()


def test_state_remembers_a_convergence_that_did_not_last():
    """As with min_steps, where the training goes on after it."""
    before = observed(Convergence(2, 1.0), [1.0, 1.0, 0.5])
    after = Convergence(2, 1.0)
    after.load_state_dict(before.state_dict())
    assert after.converged_at == before.converged_at == 2


def test_state_is_a_copy():
    convergence = observed(Convergence(2, 1.0), [1.0, 0.5])
    state = convergence.state_dict()
    observed(convergence, [0.25])
    assert state["recent"] == [1.0, 0.5]


@pytest.mark.parametrize(
    "window, threshold, at_load, in_the_end",
    [
        (2, 0.75, 3, 3),
        (1, 0.5, 3, 3),
        (2, 1.0, None, 5),
        # Only the last two accuracies are known.
        (3, 0.75, None, 4),
        (20, 0.75, None, 21),
    ],
)
def test_another_rule_after_loading(window, threshold, at_load, in_the_end):
    before = observed(Convergence(2, 0.75), [0.0, 0.75, 0.75])
    assert before.converged_at == 3
    after = Convergence(window, threshold)
    after.load_state_dict(before.state_dict())
    assert after.converged_at == at_load
    assert after.converged == (at_load is not None)
    observed(after, [1.0] * 20, first_step=4)
    assert after.converged_at == in_the_end


def test_best_accuracy_is_that_of_the_rule_in_force():
    before = observed(Convergence(2, 1.0), [1.0, 1.0])
    after = Convergence(20, 1.0)
    after.load_state_dict(before.state_dict())
    observed(after, [0.5] * 30, first_step=3)
    assert (after.best_accuracy, after.best_step) == (0.55, 20)


@pytest.mark.parametrize("window", [0, -1])
def test_window_out_of_range(window):
    with pytest.raises(ValueError, match=f"^window must be at least 1, got {window}$"):
        Convergence(window=window)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.5, float("nan")])
def test_threshold_out_of_range(threshold):
    complaint = f"^threshold must be above 0 and at most 1, got {threshold}$"
    with pytest.raises(ValueError, match=complaint):
        Convergence(threshold=threshold)


def test_default_is_the_rule_of_the_study():
    assert (Convergence().window, Convergence().threshold) == (5, 1.0)


# In a training


def test_stops_at_the_step_where_it_converges(fit, scripted):
    convergence = Convergence(window=3, threshold=0.75)
    accuracies = [1.0, 0.5, 0.5, 0.75, 1.0, 1.0, 1.0]
    trainer = fit(scripted(accuracies), convergence, max_steps=50)
    assert trainer.global_step == convergence.converged_at == 5
    assert (convergence.best_accuracy, convergence.best_step) == (0.75, 5)


def test_goes_on_until_min_steps(fit, scripted):
    convergence = Convergence(window=2, threshold=1.0)
    told_to_stop = []
    model = scripted([1.0] * 20, at_batch=lambda _: told_to_stop.append(model.trainer.should_stop))
    trainer = fit(model, convergence, max_steps=50, min_steps=9, min_epochs=0)
    assert (trainer.global_step, convergence.converged_at) == (9, 2)
    # Else every callback would take each step from the second on for the last one.
    assert not any(told_to_stop)


def test_never_converges(fit, scripted):
    convergence = Convergence(window=2, threshold=1.0)
    trainer = fit(scripted([0.0, 1.0] * 10), convergence, max_steps=12)
    assert (trainer.global_step, convergence.converged_at) == (12, None)
    assert (convergence.best_accuracy, convergence.best_step) == (0.5, 2)


def test_accumulated_batches_count_as_one_step(fit, scripted):
    convergence = Convergence(window=2, threshold=0.75)
    # The means of three are 0.5, 0.75, 0.75.
    accuracies = [1.0, 0.5, 0.0, 0.5, 0.75, 1.0, 0.25, 1.0, 1.0, 1.0]
    trainer = fit(scripted(accuracies), convergence, max_steps=50, accumulate_grad_batches=3)
    assert trainer.global_step == convergence.converged_at == 3
    assert convergence.recent == [0.75, 0.75]


def test_sees_the_mean_over_all_devices(fit, scripted, monkeypatch):
    asked = []

    def reduce(self, tensor, *arguments, reduce_op="mean", **options):
        asked.append((float(tensor), reduce_op))
        return tensor / 2

    monkeypatch.setattr(
        "pytorch_lightning.strategies.SingleDeviceStrategy.reduce", reduce, raising=True
    )
    convergence = Convergence(window=2, threshold=1.0)
    fit(scripted([1.0, 0.5, 1.0]), convergence, max_steps=3)
    assert asked == [(1.0, "mean"), (0.5, "mean"), (1.0, "mean")]
    assert convergence.recent == [0.25, 0.5]


def test_a_threshold_that_is_exactly_met():
    """9 of 10 right, again and again, is an accuracy of at least 0.9."""
    accuracy = float((torch.arange(10) < 9).float().mean())
    assert observed(Convergence(5, 0.9), [accuracy] * 5).converged_at == 5
