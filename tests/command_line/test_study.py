"""The comparisons of the study, and one beyond: each one command, its keys explained and known."""

from __future__ import annotations

import re

import pytest
import yaml

import lightning_modules
from command_line.arguments import DEFAULT_CONFIG
from command_line.settings import flatten, typed

ROOT = DEFAULT_CONFIG.parent.parent
FILES = sorted((ROOT / "configs/study").glob("*.yaml"))
KEYS = ["config", "models", "lengths", "seeds", "vary", "folder"]
# Where the study's own figure shows the same.
BESIDE = ("beyond", "figures_3_4", "figures_6_7")
every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def read(file):
    return yaml.safe_load(file.read_text())["compare"]


def ends_of(lengths):
    """The first and the last of the lengths."""
    numbers = lengths.split(":")[:2] if ":" in lengths else lengths.split(",")
    return numbers[0], numbers[-1]


def test_they_are_those_of_the_study_and_one_beyond():
    assert {file.stem for file in FILES} == {
        "beyond",
        "figures_3_4",
        "figures_3_4_one_hot",
        "figures_6_7",
        "initializations",
        "optimisers",
        "optimisers_momentum",
    }


@every_file
def test_all_keys_are_there_and_of_the_right_kind(file):
    assert list(yaml.safe_load(file.read_text())) == ["compare"]
    comparison = read(file)
    assert comparison.pop("beside", None) == ("read_off.csv" if file.stem in BESIDE else None)
    assert list(comparison) == KEYS
    assert all(hasattr(lightning_modules, model) for model in comparison["models"])
    # 5:30:5 without quotes would be 19,805 seconds.
    assert isinstance(comparison["lengths"], str)
    if file.stem != "beyond":
        first, last, step = map(int, comparison["lengths"].split(":"))
        assert 0 < first <= last and (last - first) % step == 0
    assert comparison["seeds"] >= 3
    assert comparison["folder"] == f"comparisons/{file.stem}"
    assert all(isinstance(values, list) and values for values in comparison["vary"].values())


@every_file
def test_the_experiment_is_there_and_has_what_is_varied(file):
    comparison = read(file)
    base = file.parent / comparison["config"]
    name = "palindromes_long" if file.stem == "beyond" else "palindromes_study"
    assert base.resolve() == ROOT / f"configs/{name}.yaml"
    known = {typed(key) for key in flatten(yaml.safe_load(base.read_text()))}
    # Which the file of the experiment leaves to the class.
    assert {*comparison["vary"]} - known <= {"optimizer.momentum"}


@every_file
def test_each_run_is_one_that_fit_understands(file, parse):
    comparison = read(file)
    base = str(file.parent / comparison["config"])
    for model in comparison["models"]:
        for place in (0, -1):
            flags = [f"--{flag}={values[place]}" for flag, values in comparison["vary"].items()]
            length = "--data.length=" + ends_of(comparison["lengths"])[place]
            settings = parse("--config", base, "--model", model, length, *flags).settings
            assert settings["model"]["class_path"].endswith(model)
            flat = {typed(key): value for key, value in flatten(settings).items()}
            for flag, values in comparison["vary"].items():
                assert str(flat[flag]).rpartition("optim.")[2] == str(values[place])


@every_file
def test_every_key_is_explained_and_the_command_is_named(file):
    text = file.read_text()
    lines = [line for line in text.splitlines() if re.match(r" +[\w.]+:", line)]
    assert len(lines) >= len(KEYS)
    assert all(" # " in line for line in lines)
    assert f"# python train.py compare --config configs/study/{file.name}" in text
    assert max(map(len, text.splitlines())) <= 103


def test_the_study():
    figures = read(ROOT / "configs/study/figures_3_4.yaml")
    assert (figures["models"], figures["lengths"]) == (["RNN", "LSTM"], "5:100:5")
    figures = read(ROOT / "configs/study/figures_6_7.yaml")
    assert (figures["models"], figures["lengths"]) == (["RRN"], "50:450:50")
    assert read(ROOT / "configs/study/optimisers_momentum.yaml")["vary"]["optimizer.momentum"] == [
        0.0,
        0.5,
        0.9,
    ]
