"""Stop when the validation has long not become better: the rule, and resuming in between."""

from __future__ import annotations

import math
import random

import pytest

from callbacks import Patience

NAN, INF = math.nan, math.inf


def stops_after(losses, patience):
    """The number of the first validation that ends so many in a row which beat none before them."""
    numbers = [INF if math.isnan(loss) else loss for loss in losses]
    for count in range(patience, len(losses) + 1):
        before, last = numbers[: count - patience], numbers[count - patience : count]
        if min(last) >= min([INF, *before]):
            return count
    return None


def watched(patience, values):
    """How many of these results it takes until the patience is exhausted."""
    for count, value in enumerate(values, start=1):
        patience.observe(value)
        if patience.exhausted:
            return count
    return None


def test_the_rule():
    draw = random.Random(0)
    found = set()
    for _ in range(500):
        losses = [draw.choice([0.1, 0.2, 0.3, 0.4, 0.5, NAN, INF]) for _ in range(12)]
        for patience in (1, 2, 3, 5):
            stop = watched(Patience(patience), losses)
            assert stop == stops_after(losses, patience), (losses, patience)
            found.add(stop)
    assert found >= {None, 1, 2, 5, 12}


@pytest.mark.parametrize(
    ("losses", "patience", "stop"),
    [
        ([3.0, 2.0, 1.0, 0.5, 0.4], 1, None),
        ([1.0, 1.0], 1, 2),
        ([1.0, 2.0, 0.9, 2.0, 2.0], 2, 5),
        ([NAN, NAN, NAN], 3, 3),
        ([NAN, NAN, 1.0, NAN, NAN, NAN], 3, 6),
        ([-1.0, -2.0, -2.0], 1, 3),
    ],
)
def test_lists_that_are_easily_read(losses, patience, stop):
    assert watched(Patience(patience), losses) == stop


@pytest.mark.parametrize(
    ("losses", "stop"),
    [
        ([1.0, 0.875, 0.75, 0.625], 3),
        # Exactly by min_delta is not enough.
        ([1.0, 0.5, 0.5], 3),
        ([1.0, 0.5, 0.375, 0.125, 0.0], 5),
        # Slow steps add up, if they come far enough in time.
        ([1.0, 0.75, 0.25, 0.0, -0.5], None),
    ],
)
def test_better_by_enough(losses, stop):
    assert watched(Patience(2, min_delta=0.5), losses) == stop


def test_accuracy_is_to_become_higher():
    patience = Patience(2, monitor="accuracy/validation")
    assert watched(patience, [0.1, 0.5, 0.4, 0.5]) == 4
    assert patience.reason == "no higher accuracy/validation in 2 validations"


def test_reason():
    patience = Patience(3)
    patience.observe(1.0)
    for _ in range(3):
        assert patience.reason is None
        patience.observe(2.0)
    assert patience.reason == "no lower loss/validation in 3 validations"


def test_without_patience_it_only_watches():
    assert watched(Patience(), [1.0] * 1000) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patience": 0}, "patience must be at least 1, got 0"),
        ({"patience": -1}, "patience must be at least 1, got -1"),
        ({"min_delta": -0.1}, "min_delta must be at least 0 and finite, got -0.1"),
        ({"min_delta": NAN}, "min_delta must be at least 0 and finite, got nan"),
        ({"min_delta": INF}, "min_delta must be at least 0 and finite, got inf"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Patience(**settings)


# In a training: a validation every two steps

LOSSES = [5.0, 4.0, 4.0, 3.0, 3.5, 3.2, 3.0, 9.0, 1.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0]
EVERY_TWO = {"limit_val_batches": 1, "val_check_interval": 2, "max_steps": 2 * len(LOSSES)}


@pytest.fixture
def train(fit, scripted):
    """Train with these losses of the validations; the trainer."""

    def train(patience, first=0, losses=LOSSES, accuracies=None, **settings):
        values = zip(accuracies or [0.5] * len(losses), losses, strict=True)
        model = scripted(validations=list(values)[first:])
        return fit(model, patience, **{**EVERY_TWO, **settings})

    return train


@pytest.mark.parametrize(("patience", "step"), [(1, 6), (2, 12), (3, 14), (4, 16), (5, 28)])
def test_stops_at_the_validation_that_exhausts_it(patience, step, train):
    assert stops_after(LOSSES, patience) == step / 2
    assert train(Patience(patience)).global_step == step


def test_never_stops_without_patience(train):
    assert train(Patience(None)).global_step == 32


def test_stops_by_the_accuracy(train):
    accuracies = [0.1, 0.2, 0.2, *[0.1] * 13]
    patience = Patience(3, monitor="accuracy/validation")
    assert train(patience, accuracies=accuracies).global_step == 10


def test_a_loss_that_is_no_number_is_not_better(train):
    assert train(Patience(2), losses=[2.0, NAN, NAN, 1.0, *[0.0] * 12]).global_step == 6


def test_validations_apart_from_training_do_not_count(fit, scripted):
    patience = Patience(1)
    model = scripted(validations=[(0.5, 1.0)] * 5)
    trainer = fit(
        model, patience, limit_val_batches=1, val_check_interval=5, num_sanity_val_steps=1
    )
    trainer.validate(model, trainer.datamodule, verbose=False)
    assert patience.waited == 0 and trainer.global_step == 5


@pytest.mark.parametrize("cut", [2, 10, 12, 20, 24])
def test_resumed_in_the_middle_it_stops_at_the_same_step(cut, train, tmp_path):
    train(Patience(5), max_steps=cut).save_checkpoint(tmp_path / "cut.ckpt")
    patience = Patience(5)
    trainer = train(patience, first=cut // 2, ckpt_path=tmp_path / "cut.ckpt")
    assert trainer.global_step == 28
    assert patience.reason == "no lower loss/validation in 5 validations"


@pytest.mark.parametrize(("patience", "step"), [(4, 16), (5, 28), (None, 32)])
def test_resumed_with_more_patience_it_goes_on_waiting(patience, step, train, tmp_path):
    train(Patience(3)).save_checkpoint(tmp_path / "cut.ckpt")
    trainer = train(Patience(patience), first=7, ckpt_path=tmp_path / "cut.ckpt")
    assert trainer.global_step == step


def test_resumed_with_less_patience_it_has_waited_long_enough(train, tmp_path):
    train(Patience(9), max_steps=14).save_checkpoint(tmp_path / "cut.ckpt")
    trainer = train(Patience(2), first=7, ckpt_path=tmp_path / "cut.ckpt")
    assert trainer.global_step == 14


def test_a_run_that_has_stopped_does_not_train_on(train, tmp_path):
    train(Patience(3)).save_checkpoint(tmp_path / "end.ckpt")
    patience = Patience(3)
    assert train(patience, first=7, ckpt_path=tmp_path / "end.ckpt").global_step == 14
    assert patience.reason == "no lower loss/validation in 3 validations"


@pytest.mark.parametrize(
    "changed", [{"monitor": "accuracy/validation"}, {"min_delta": 0.25}], ids=str
)
def test_by_another_measure_it_waits_anew(changed, train, tmp_path):
    """Three validations without a better one count for nothing where another thing is better."""
    train(Patience(9), max_steps=14).save_checkpoint(tmp_path / "cut.ckpt")
    patience = Patience(3, **changed)
    accuracies = [0.5, *[0.25] * 15]
    trainer = train(
        patience,
        first=7,
        losses=[*LOSSES[:7], *[9.0] * 9],
        accuracies=[0.5] * 7 + accuracies[:9],
        ckpt_path=tmp_path / "cut.ckpt",
    )
    # The first validation is the best so far, and three are not better.
    assert trainer.global_step == 14 + 2 * (1 + 3)


def test_not_before_the_fewest_steps(train):
    """Exhausted at step 6, it stops where it may first, if nothing better has come by then."""
    losses = [1.0, 2.0, 2.0, 2.0, 2.0, *[0.5] * 11]
    assert train(Patience(2), losses=losses, min_steps=8).global_step == 8
    assert train(Patience(2), losses=losses, min_steps=9).global_step == 10
    # What came before the fewest steps is forgotten when something better comes.
    assert train(Patience(2), losses=losses, min_steps=11).global_step == 16
