"""Which settings make a run, and how they are told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_line.settings import (
    class_of,
    defining,
    describe,
    differences,
    flatten,
    typed,
    value_as_typed,
)

NESTED = st.recursive(
    st.integers() | st.none() | st.lists(st.integers()),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, min_size=1),
)


def nest(flat: dict) -> dict:
    """The inverse of `flatten`."""
    nested: dict = {}
    for key, value in flat.items():
        *groups, last = key.split(".")
        group = nested
        for name in groups:
            group = group.setdefault(name, {})
        group[last] = value
    return nested


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from("abcd"), NESTED))
def test_flatten_loses_nothing(config):
    assert nest(flatten(config)) == config


def test_flatten():
    config = {"data": {"length": 3, "more": {}}, "seed": 1, "betas": [1, 2]}
    assert flatten(config) == {"data.length": 3, "data.more": {}, "seed": 1, "betas": [1, 2]}


@pytest.mark.parametrize(
    "key",
    [
        "seed_everything",
        "model.class_path",
        "model.init_args.hidden_size",
        "data.init_args.length",
        "data.init_args.batch_size",
        "optimizer.init_args.lr",
        "lr_scheduler",
        "trainer.gradient_clip_val",
        "trainer.gradient_clip_algorithm",
        "trainer.accumulate_grad_batches",
        "trainer.precision",
        "trainer.deterministic",
        "trainer.limit_train_batches",
        "trainer.overfit_batches",
    ],
)
def test_changes_the_training(key):
    assert defining(nest({key: 1})) == {key: 1}


@pytest.mark.parametrize(
    "key",
    [
        "config",
        "ckpt_path",
        "threads",
        "run.root",
        "run.name",
        "convergence.window",
        "checkpoints.every_n_steps",
        "watch.gradients_through_time",
        "watch.parameters",
        "model.init_args.backend",
        "data.init_args.num_workers",
        "trainer.max_steps",
        "trainer.max_epochs",
        "trainer.devices",
        "trainer.strategy",
        "trainer.accelerator",
        "trainer.val_check_interval",
        "trainer.log_every_n_steps",
        "trainer.enable_progress_bar",
    ],
)
def test_may_change_while_a_run_goes_on(key):
    assert defining(nest({key: 1})) == {}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("model.class_path", "model"),
        ("model.init_args.hidden_size", "model.hidden_size"),
        ("trainer.max_steps", "trainer.max_steps"),
        ("seed_everything", "seed_everything"),
    ],
)
def test_key_as_typed(key, expected):
    assert typed(key) == expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("model.init_args.inhibitory", True, "true"),
        ("model.init_args.inhibitory", False, "false"),
        ("lr_scheduler", None, "null"),
        ("data.init_args.length", 0, "0"),
        ("optimizer.init_args.lr", 0.01, "0.01"),
        ("optimizer.class_path", "torch.optim.Adam", "Adam"),
        # As a comparison has it.
        ("optimizer", "torch.optim.Adam", "Adam"),
        ("model.init_args.part.class_path", "mine.Part", "Part"),
        # Its looks are those of a class, but not its key.
        ("data.init_args.corpus", "moby_dick.v2.txt", "moby_dick.v2.txt"),
        ("data.corpus", "moby_dick.v2.txt", "moby_dick.v2.txt"),
        ("trainer.precision", "64-true", "64-true"),
        ("optimizer.init_args.betas", [0.9, 0.99], "[0.9, 0.99]"),
    ],
)
def test_value_as_typed(key, value, expected):
    assert value_as_typed(key, value) == expected


def test_what_looks_alike_is_told_in_full():
    changed = {"model.class_path": ("mine.RNN", "lightning_modules.RNN"), "data.x": (1, "1")}
    assert describe(changed, "there", "here") == (
        "model is 'mine.RNN' there, 'lightning_modules.RNN' here; data.x is 1 there, '1' here"
    )


def test_differences():
    one = {"same": 1, "other": 2, "gone": 3}
    other = {"same": 1.0, "other": 4, "new": None}
    expected = {"gone": (3, "(absent)"), "new": ("(absent)", None), "other": (2, 4)}
    assert differences(one, other) == expected


def test_false_is_not_0():
    # Without a seed is another thing than with seed 0.
    assert differences({"seed_everything": False}, {"seed_everything": 0})
    assert differences({"seed_everything": True}, {"seed_everything": 1})
    assert not differences({"nesterov": False}, {"nesterov": False})


def test_describe():
    changed = {"data.init_args.length": (20, 30), "trainer.precision": ("32-true", None)}
    expected = "data.length is 20 there, 30 here; trainer.precision is 32-true there, null here"
    assert describe(changed, "there", "here") == expected
    assert describe({}, "there", "here") == ""


def test_describe_tells_three_differences_and_counts_the_rest():
    changed = {f"data.init_args.{name}": (1, 2) for name in "abcde"}
    text = describe(changed, "there", "here")
    assert text.count(" is 1 there, 2 here") == 3
    assert text.endswith("; and 2 more")


def test_describe_tells_a_class_but_not_its_settings():
    changed = {
        "model.class_path": ("lightning_modules.RRN", "lightning_modules.LSTM"),
        "model.init_args.forget_bias": ("(absent)", 1.0),
        "data.init_args.length": (1, 2),
    }
    expected = "model is RRN there, LSTM here; data.length is 1 there, 2 here"
    assert describe(changed, "there", "here") == expected


@pytest.mark.parametrize(
    ("choice", "name"), [({"class_path": "torch.optim.Adam"}, "Adam"), (None, "")]
)
def test_class_of(choice, name):
    assert class_of(choice) == name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.init_args.inhibitory", False),
        ("model.inhibitory", False),
        ("data.init_args.curriculum", None),
        ("watch.states", None),
    ],
)
def test_a_setting_that_came_later_was_off(key, value):
    assert not differences({}, {key: value}) and not differences({key: value}, {})
    assert differences({}, {key: True}) == {key: (value, True)}


@pytest.mark.parametrize("value", [None, False])
def test_what_is_not_stated_is_not_off(value):
    """A threshold of convergence, for one: not stated it is 1.0, and null is none."""
    assert differences({}, {"convergence.threshold": value})


def test_a_group_that_is_off_differs_from_one_that_is_on():
    on, off = {"data.curriculum.start": 3}, {"data.curriculum": None}
    assert differences(on, off) == {
        "data.curriculum": ("(absent)", None),
        "data.curriculum.start": (3, "(absent)"),
    }
    assert set(differences(off, on)) == {*off, *on}
    # Not stated, its patience is 50.
    assert differences(on, {**on, "data.curriculum.patience": None})
