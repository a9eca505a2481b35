"""Read late, numbers lead to the same decisions as read at once; only later."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from callbacks import Checkpoints, Convergence, Curves, Interruption, RunLogger, StepProgress
from callbacks.late import BEHIND, Late, lateness
from datamodules import Palindromes
from datamodules.curriculum import Curriculum

LATE = 3


def force(monkeypatch, steps=LATE):
    """Let a CPU be as late as a GPU."""
    monkeypatch.setattr("callbacks.late.lateness", lambda trainer: steps)


def shown(convergence):
    return convergence.converged_at, convergence.best_step, convergence.best_accuracy


# How late


CASES = {
    ("cpu", None, None): 0,
    ("cuda", None, None): BEHIND,
    ("cuda", None, 2): 0,
    ("cuda", Curriculum(start=2), None): 0,
}


@pytest.mark.parametrize(("device", "curriculum", "min_epochs"), CASES)
def test_late_on_a_gpu_unless_a_number_is_needed_at_once(device, curriculum, min_epochs):
    data = Palindromes(length=3, curriculum=curriculum)
    strategy = SimpleNamespace(root_device=torch.device(device))
    trainer = SimpleNamespace(strategy=strategy, datamodule=data, min_epochs=min_epochs)
    assert lateness(trainer) == CASES[device, curriculum, min_epochs]


# What is read when


# A trainer of one device.
Alone = SimpleNamespace(
    world_size=1, strategy=SimpleNamespace(reduce=lambda numbers, reduce_op: numbers)
)


@pytest.mark.parametrize("late_by", [0, 1, 3])
def test_each_step_is_due_so_many_steps_later(late_by):
    late = Late()
    late.lateness, found = late_by, {}
    for step in range(1, 8):
        late.put(Alone, step, [torch.tensor(step / 8), torch.tensor(0.0)])
        waiting = late.peek() if step % 2 else []
        assert all(numbers == [at / 8, 0.0] for at, numbers in waiting)
        for at, numbers in late.due(step):
            found[at] = (step, numbers)
    assert found == {at: (at + late_by, [at / 8, 0.0]) for at in range(1, 8 - late_by)}
    assert [at for at, _ in late.rest()] == list(range(8 - late_by, 8))
    assert late.peek() == []


def test_what_is_put_in_is_not_what_comes_after_it():
    late, number = Late(), torch.tensor(0.25)
    late.lateness = 1
    late.put(Alone, 1, [number])
    number.fill_(0.75)
    assert list(late.due(2)) == [(1, [0.25])]


def test_state_is_of_plain_types_and_goes_on():
    late, other = Late(), Late()
    late.lateness = other.lateness = 5
    for step in (1, 2):
        late.put(Alone, step, [torch.tensor(0.5), torch.tensor(1.0)])
    state = late.state_dict()
    assert state == [[1, [0.5, 1.0]], [2, [0.5, 1.0]]]
    assert all(type(number) is float for _, numbers in state for number in numbers)
    other.load_state_dict(state)
    other.put(Alone, 3, [torch.tensor(0.0)])
    assert list(other.due(7)) == [(1, [0.5, 1.0]), (2, [0.5, 1.0])]
    assert late.state_dict() == state


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_waited_for_only_where_it_is_read():
    late, number = Late(), torch.ones((), device="cuda")
    late.lateness = 2
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = []
        for step in range(1, 6):
            late.put(Alone, step, [number * step])
            found += late.due(step)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert found == [(1, [1.0]), (2, [2.0]), (3, [3.0])]


# The decision

HISTORIES = {
    "once": [0.0, 1.0, 0.5, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0],
    "not for long": [0.5, 1.0, 0.75, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    "never": [0.0, 0.5] * 6,
}


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("history", HISTORIES)
def test_decides_the_same_and_stops_later(history, accumulate, fit, scripted, monkeypatch):
    accuracies = [each for each in HISTORIES[history] for _ in range(accumulate)]
    settings = {"max_steps": 12, "accumulate_grad_batches": accumulate}
    at_once, late = (Convergence(window=2, threshold=0.75) for _ in range(2))
    stopped = fit(scripted(accuracies), at_once, **settings).global_step
    force(monkeypatch)
    stopped_late = fit(scripted(accuracies), late, **settings).global_step
    assert late.converged_at == at_once.converged_at
    if at_once.converged_at is None:
        assert stopped_late == stopped == 12
        assert shown(late) == shown(at_once) and late.state_dict() == at_once.state_dict()
    else:
        assert stopped == at_once.converged_at and stopped_late == stopped + LATE
        seen = Convergence(window=2, threshold=0.75)
        for step, accuracy in enumerate(HISTORIES[history][:stopped_late], 1):
            seen.observe(accuracy, step)
        # Steps that were made count, whether or not they were needed.
        assert shown(late) == shown(seen) and late.recent == seen.recent


@pytest.mark.parametrize("min_steps", [4, 6])
def test_may_stop_by_the_step_that_is_decided_on(min_steps, fit, scripted, monkeypatch):
    """At the end of step 6 it is decided on step 3, which was too early to stop at."""
    accuracies = [0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, *[0.0] * 9]
    stopped = []
    for late_by in (0, LATE):
        force(monkeypatch, late_by)
        convergence = Convergence(window=2, threshold=1.0)
        trainer = fit(
            scripted(accuracies), convergence, max_steps=14, min_steps=min_steps, min_epochs=0
        )
        stopped.append(trainer.global_step)
        assert convergence.converged_at == 3
    assert stopped == [7, 7 + LATE]


def test_all_steps_count_in_the_end(fit, scripted, monkeypatch):
    force(monkeypatch)
    convergence = Convergence(window=2, threshold=1.0)
    fit(scripted([0.0, 0.0, 0.0, 1.0, 1.0]), convergence, max_steps=5)
    assert shown(convergence) == (5, 5, 1.0)
    assert convergence.state_dict()["pending"] == []


# What is shown is of the step that it is shown at


@pytest.mark.parametrize("late_by", [0, 1, LATE])
def test_curves_are_of_their_own_step(late_by, fit, scripted, monkeypatch, tmp_path, curves_of):
    force(monkeypatch, late_by)
    accuracies = [0.0, 0.25, 0.5, 0.75, 0.75, 1.0, 0.5]
    convergence = Convergence(window=2, threshold=None)
    curves = Curves(convergence)
    settings = {"max_steps": 7, "log_every_n_steps": 3, "logger": RunLogger(tmp_path)}
    fit(scripted(accuracies), convergence, curves, **settings)
    found = curves_of(tmp_path)
    assert found["accuracy/train"] == [(1, 0.0), (3, 0.5), (6, 1.0), (7, 0.5)]
    assert found["accuracy/moving_average"] == [(1, 0.0), (3, 0.375), (6, 0.875), (7, 0.75)]


def test_the_bar_shows_the_last_step(fit, scripted, monkeypatch, clock, capsys):
    force(monkeypatch)
    convergence = Convergence(window=1, threshold=None)
    fit(
        scripted([0.25, 0.5], at_batch=lambda _: clock.tick()),
        convergence,
        StepProgress(convergence),
        max_steps=1,
    )
    assert "accuracy 0.250" in capsys.readouterr().out


# The checkpoint


@pytest.fixture
def kept(fit, scripted, tmp_path):
    """Train with a checkpoint of every step: the callback, and where the run stopped."""

    def kept(accuracies, name, ckpt_path=None, **settings):
        convergence = Convergence(window=2, threshold=1.0)
        checkpoints = Checkpoints(
            tmp_path / name, Interruption(), {}, every_n_steps=1, keep_every_n_steps=1
        )
        settings = {"max_steps": 14, "ckpt_path": ckpt_path, **settings}
        trainer = fit(scripted(accuracies), convergence, checkpoints, **settings)
        return convergence, trainer.global_step

    return kept


ACCURACIES = [0.0, 1.0, 0.5, 0.5, 1.0, 1.0, 0.5, 0.25, 0.0, 0.0, 0.0]


def test_a_checkpoint_has_what_is_pending(kept, tmp_path, monkeypatch):
    force(monkeypatch)
    kept(ACCURACIES, "whole")
    for step in range(1, 10):
        checkpoint = torch.load(tmp_path / f"whole/step_{step}.ckpt", weights_only=True)
        state = checkpoint["callbacks"]["Convergence"]
        first = max(1, step - LATE + 1)
        expected = [[at, [ACCURACIES[at - 1]]] for at in range(first, step + 1)]
        assert state["pending"] == expected
        assert state["recent"] == ACCURACIES[: max(0, step - LATE)][-2:]
        assert state["converged_at"] == (6 if step == 9 else None)


@pytest.mark.parametrize("cut", range(1, 10))
def test_resumed_around_the_decision_it_is_the_same(cut, kept, tmp_path, monkeypatch):
    force(monkeypatch)
    whole, stopped = kept(ACCURACIES, "whole")
    assert (stopped, whole.converged_at) == (9, 6)
    path = tmp_path / f"whole/step_{cut}.ckpt"
    resumed, stopped_again = kept(ACCURACIES[cut:], "parts", path)
    assert stopped_again == stopped
    assert resumed.state_dict() == whole.state_dict()
    if cut < 9:
        ends = [torch.load(tmp_path / name / "last.ckpt") for name in ("whole", "parts")]
        states = [end["callbacks"]["Convergence"] for end in ends]
        assert states[0] == states[1]
        for name, tensor in ends[0]["state_dict"].items():
            assert torch.equal(tensor, ends[1]["state_dict"][name])


@pytest.mark.parametrize("late_by", [0, 1, 5])
@pytest.mark.parametrize("cut", range(1, 10))
def test_resumed_with_another_lateness_it_decides_the_same(
    cut, late_by, kept, tmp_path, monkeypatch
):
    force(monkeypatch)
    kept(ACCURACIES, "whole")
    force(monkeypatch, late_by)
    resumed, stopped = kept(ACCURACIES[cut:], "parts", tmp_path / f"whole/step_{cut}.ckpt")
    assert (resumed.converged_at, resumed.best_step, resumed.best_accuracy) == (6, 6, 1.0)
    # Once it is known that it has converged it stops, and not again before that.
    assert stopped == (9 if cut == 9 else max(cut, 6 + late_by))


def test_a_run_of_all_its_steps_counts_them_when_it_is_resumed(kept, tmp_path, monkeypatch):
    """Lightning has nothing to train, and asks no callback but at the end."""
    force(monkeypatch)
    whole, _ = kept([0.0, 0.0, 1.0, 1.0], "whole", max_steps=4)
    assert whole.converged_at == 4
    resumed, stopped = kept([], "parts", tmp_path / "whole/last.ckpt", max_steps=4)
    assert stopped == 4 and resumed.state_dict() == whole.state_dict()


def test_a_checkpoint_from_before_has_nothing_pending(kept, tmp_path, monkeypatch):
    whole, stopped = kept(ACCURACIES, "whole")
    path = tmp_path / "whole/step_5.ckpt"
    checkpoint = torch.load(path)
    assert checkpoint["callbacks"]["Convergence"].pop("pending") == []
    torch.save(checkpoint, path)
    resumed, again = kept(ACCURACIES[5:], "parts", path)
    assert again == stopped and resumed.state_dict() == whole.state_dict()
