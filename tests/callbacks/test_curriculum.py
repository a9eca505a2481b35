"""What the stages of a curriculum are told of a training, and which of its steps count."""

from __future__ import annotations

import pytest
import torch
from pytorch_lightning import Callback

from callbacks import Convergence, CurriculumStages
from datamodules import Curriculum, Palindromes
from datamodules.curriculum import Stages
from tests.climbing import lengths_by_force

# Whatever the loss.
RULES = Curriculum(start=2, growth=2, window=2, loss=1e9, patience=4, fall_back=1)


class Lengths(Callback):
    """Note how long the palindromes of each batch are."""

    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.seen.append(batch[0].shape[1])


@pytest.fixture
def climb(fit, scripted):
    """Train under a curriculum with these accuracies: the trainer, and how long batches are."""

    def climb(accuracies, convergence, length=8, **settings):
        data = Palindromes(length, 12, evaluation_size=4, training_seed=0, curriculum=RULES)
        lengths = Lengths()
        callbacks = [convergence, CurriculumStages(convergence), lengths]
        return fit(scripted(accuracies), *callbacks, data=data, **settings), lengths.seen

    return climb


@pytest.mark.parametrize("accumulate", [1, 3])
def test_each_step_reads_what_the_steps_before_have_earned(accumulate, climb):
    by_step = [1.0] * 7 + [0.5] * 9 + [1.0] * 3 + [0.0] * 6
    accuracies = [accuracy for accuracy in by_step for _ in range(accumulate)]
    _, seen = climb(
        accuracies,
        Convergence(threshold=None),
        max_steps=len(by_step),
        accumulate_grad_batches=accumulate,
    )
    expected = lengths_by_force(RULES, 8, [(accuracy, 0.0) for accuracy in by_step])
    assert seen == [length for length in expected[:-2] for _ in range(accumulate)]
    assert len({*seen}) == 3 and seen != sorted(seen)


def test_a_mistake_in_one_slice_is_a_mistake_of_the_step(climb):
    _, seen = climb([1, 1, 0, 1] * 6, Convergence(), max_steps=12, accumulate_grad_batches=2)
    assert {*seen} == {2}


def test_the_loss_is_the_mean_over_accumulated_batches(climb, monkeypatch):
    told = {}
    for accumulate in (1, 4):
        losses = told[accumulate] = []
        torch.manual_seed(0)
        monkeypatch.setattr(Stages, "observe", lambda _, *shown, to=losses: to.append(shown))
        climb([], Convergence(), max_steps=6, accumulate_grad_batches=accumulate)
    for one, several in zip(told[1], told[4], strict=True):
        assert one[0] == several[0]
        assert one[2] == pytest.approx(several[2], rel=1e-5)
    assert [step for step, _, _ in told[1]] == list(range(6))


def test_the_loss_is_the_mean_over_all_devices(climb, monkeypatch):
    told = {}
    for devices in (1, 2):
        losses = told[devices] = []
        monkeypatch.setattr(Stages, "observe", lambda _, *shown, to=losses: to.append(shown[2]))
        monkeypatch.setattr(
            "pytorch_lightning.strategies.SingleDeviceStrategy.reduce",
            lambda _, tensor, reduce_op, by=devices: tensor / by if reduce_op == "mean" else None,
        )
        torch.manual_seed(0)
        climb([], Convergence(), max_steps=4, accumulate_grad_batches=2)
    assert told[2] == [loss / 2 for loss in told[1]]


def test_converges_by_steps_of_the_task_alone(climb):
    convergence = Convergence(window=4, threshold=1.0)
    trainer, seen = climb([1.0] * 50, convergence, max_steps=50)
    assert seen == [2] * 3 + [4] * 3 + [8] * 4
    assert trainer.global_step == convergence.converged_at == convergence.best_step == 10


def test_goes_on_at_the_task_without_a_threshold(climb):
    convergence = Convergence(window=4, threshold=None)
    trainer, seen = climb([1.0] * 12 + [0.0] * 12, convergence, max_steps=24)
    # Once it is solved, nothing falls back.
    assert trainer.global_step == 24 and seen[6:] == [8] * 18
    assert (convergence.best_accuracy, convergence.best_step) == (1.0, 10)
    assert convergence.converged_at is None


def test_what_never_reaches_the_task_has_no_best(climb):
    convergence = Convergence(window=2)
    climb([1.0, 0.0] * 10, convergence, max_steps=20)
    assert convergence.best_accuracy is None and convergence.converged_at is None
