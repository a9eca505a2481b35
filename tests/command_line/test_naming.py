"""Names of runs: short, fit for a folder, and different for runs that differ."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_line.naming import LONGEST_NAME, default_name, hparams_of, name_of_run, short_names
from datamodules import Curriculum

BASE = {
    "seed_everything": 0,
    "model.class_path": "lightning_modules.RRN",
    "model.init_args.hidden_size": 128,
    "data.init_args.length": 10,
    "optimizer.class_path": "torch.optim.RMSprop",
    "optimizer.init_args.lr": 0.001,
    "optimizer.init_args.weight_decay": 0.0,
    "trainer.gradient_clip_val": 10.0,
}
# More than fit into a name, so that some of them are cut.
KEYS = [f"data.init_args.{'long' * 4}_{letter}" for letter in "abcdefgh"]
VALUES = st.integers() | st.booleans() | st.none() | st.sampled_from(["scalar", "64-true"])


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, "default"),
        ({"data.init_args.length": 20}, "length=20"),
        ({"optimizer.init_args.lr": 0.01, "data.init_args.length": 20}, "length=20,lr=0.01"),
        ({"seed_everything": 3}, "seed=3"),
        ({"model.init_args.encoding": "one_hot"}, "encoding=one_hot"),
        ({"optimizer.class_path": "torch.optim.Adam"}, "optimizer=Adam"),
        ({"optimizer.init_args.betas": [0.8, 0.99]}, "betas=0.8,0.99"),
        ({"lr_scheduler.init_args.monitor": "loss/validation"}, "monitor=loss-validation"),
        ({"trainer.gradient_clip_val": None}, "gradient_clip_val=null"),
        ({"data.init_args.corpus": "../../etc"}, "corpus=..-..-etc"),
        ({"data.init_args.corpus": "moby_dick.v2.txt"}, "corpus=moby_dick.v2.txt"),
    ],
)
def test_name_of_run(changed, name):
    assert name_of_run(changed) == name


@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_a_name_is_fit_for_a_folder(changed):
    name = name_of_run(changed)
    assert re.fullmatch(r"[\w=.,+-]+", name) and len(name) <= LONGEST_NAME


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1), st.data())
def test_a_name_changes_with_any_of_its_settings(changed, data):
    key = data.draw(st.sampled_from(sorted(changed)))
    value = data.draw(VALUES.filter(lambda each: repr(each) != repr(changed[key])))
    assert name_of_run({**changed, key: value}) != name_of_run(changed)
    assert name_of_run({k: v for k, v in changed.items() if k != key}) != name_of_run(changed)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, "default"),
        ({"model.init_args.hidden_size": 64}, "hidden_size=64"),
        # The model is a folder of its own; of its settings, those that are not its defaults.
        (
            {"model.class_path": "lightning_modules.LSTM", "model.init_args.forget_bias": 0.0},
            "default",
        ),
        (
            {"model.class_path": "lightning_modules.LSTM", "model.init_args.forget_bias": 1.0},
            "forget_bias=1.0",
        ),
        (
            {
                "optimizer.class_path": "torch.optim.AdamW",
                "optimizer.init_args.betas": [0.9, 0.999],
                "optimizer.init_args.weight_decay": 0.01,
            },
            "optimizer=AdamW",
        ),
    ],
)
def test_default_name(changed, name):
    stated = ["optimizer.init_args.lr"]
    assert default_name({**BASE, **changed}, BASE, stated) == name


CURRICULUM = {
    f"data.init_args.curriculum.{name}": value for name, value in asdict(Curriculum()).items()
}
OFF = {"data.init_args.curriculum": None}


@pytest.mark.parametrize(
    ("changed", "base", "name"),
    [
        ({}, OFF, "curriculum.start=3"),
        ({"start": 4, "growth": 1.5}, OFF, "curriculum.growth=1.5,curriculum.start=4"),
        ({"patience": None}, OFF, "curriculum.patience=null,curriculum.start=3"),
        ({}, CURRICULUM, "default"),
        ({"window": 2}, CURRICULUM, "curriculum.window=2"),
    ],
)
def test_name_of_a_run_under_a_curriculum(changed, base, name):
    changed = {f"data.init_args.curriculum.{each}": changed[each] for each in changed}
    assert default_name({**BASE, **CURRICULUM, **changed}, {**BASE, **base}, []) == name


def test_a_curriculum_that_is_off_is_in_the_name_where_the_config_has_one():
    assert default_name({**BASE, **OFF}, {**BASE, **CURRICULUM}, []) == "curriculum=null"
    assert default_name({**BASE, **OFF}, {**BASE, **OFF}, []) == "default"
    assert default_name({**BASE, **OFF}, BASE, []) == "default"


def test_hparams_of_a_curriculum():
    hparams = hparams_of({**CURRICULUM, "convergence.window": 5, "seed_everything": 1})
    assert hparams == {
        "curriculum.start": 3,
        "curriculum.growth": 1.25,
        "curriculum.window": 5,
        "curriculum.loss": 0.003,
        "curriculum.patience": 50,
        "curriculum.fall_back": 3,
        "window": 5,
        "seed": 1,
    }
    assert hparams_of(OFF) == {}


def test_hparams_leave_out_defaults():
    settings = {
        **BASE,
        "optimizer.init_args.alpha": 0.99,
        "optimizer.init_args.momentum": 0.9,
        "lr_scheduler": None,
        "trainer.precision": None,
    }
    assert hparams_of(settings) == {
        "seed": 0,
        "model": "RRN",
        "hidden_size": 128,
        "length": 10,
        "optimizer": "RMSprop",
        "lr": 0.001,
        "momentum": 0.9,
        "gradient_clip_val": 10.0,
    }


def test_short_names_tell_settings_apart():
    settings = {"data.init_args.size": 1, "model.init_args.size": 2, "seed_everything": 3}
    assert short_names(settings) == {"size": 1, "model.size": 2, "seed": 3}
