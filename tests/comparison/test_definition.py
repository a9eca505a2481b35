"""What a comparison is, of flags and of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line.errors import UsageError
from comparison.definition import check_flag, define

FILE = """\
compare:
  config: small.yaml
  models: [RNN, LSTM]
  lengths: 5:15:5
  seeds: 3
  vary:
    optimizer: [SGD, Adam]
  fixed:
    trainer.max_steps: 90
  folder: figures/3
"""


@pytest.fixture
def file(small_config) -> Path:
    path = small_config.with_name("figure.yaml")
    path.write_text(FILE)
    return path


def test_a_config_alone_is_a_grid_of_one_run(small_config):
    definition, folder = define(small_config, {}, {})
    assert [str(run) for run in definition.grid.runs()] == ["RRN/seed=0"]
    assert folder == Path("comparisons/small")


def test_a_comparison_file_has_all_of_it(file, small_config):
    definition, folder = define(file, {}, {})
    assert definition.config == small_config
    assert definition.grid.models == ("RNN", "LSTM")
    assert definition.grid.varied == {
        "data.length": ("5", "10", "15"),
        "optimizer": ("SGD", "Adam"),
    }
    assert definition.grid.seeds == (0, 1, 2)
    assert definition.fixed == {"trainer.max_steps": "90"}
    assert folder == Path("figures/3")


def test_flags_go_before_a_comparison_file(file):
    stated = {"models": "GRU", "lengths": "7", "seeds": "1", "folder": "here", "vary": {"a": "1"}}
    stated["vary"] = {"optimizer": "SGD", "optimizer.lr": "0.1,0.2"}
    definition, folder = define(file, stated, {"trainer.max_steps": "5"})
    assert definition.grid.models == ("GRU",) and definition.grid.seeds == (0,)
    assert definition.grid.varied == {
        "data.length": ("7",),
        "optimizer": ("SGD",),
        "optimizer.lr": ("0.1", "0.2"),
    }
    assert definition.fixed == {"trainer.max_steps": "5"} and folder == Path("here")


def test_what_is_written_is_read_again(file, small_config):
    definition, _ = define(file, {"vary": {"model.x": "[1,2],a"}, "seeds": "3,3"}, {})
    written = file.with_name("comparison.yaml")
    written.write_text(definition.dump(small_config.name, "beside.csv"))
    again, folder = define(written, {}, {})
    assert again.grid == definition.grid and again.fixed == definition.fixed
    assert folder == written.parent


def test_what_others_have_reported_is_found_from_the_file_and_defines_nothing(file):
    without, _ = define(file, {}, {})
    file.write_text(f"{FILE}  beside: ../theirs.csv\n")
    definition, _ = define(file, {}, {})
    assert without.beside is None and definition.beside == file.parent.parent / "theirs.csv"
    definition.check_same(without, Path("folder"))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("hidden_size: 8", "hidden_size: 9", "model.hidden_size is 8 there, 9 here"),
        ("max_steps: 60", "max_steps: 70", "trainer.max_steps is 60 there, 70 here"),
        ("threshold: null", "threshold: 1.0", "convergence.threshold is null there, 1.0 here"),
        ("every_n_steps: 15", "every_n_steps: 10", None),
        ("accelerator: cpu", "accelerator: auto", None),
        ("experiment: small", "experiment: other", None),
    ],
)
def test_what_would_change_the_results_may_not_differ(before, after, told, small_config):
    there, _ = define(small_config, {}, {})
    small_config.write_text(small_config.read_text().replace(before, after, 1))
    here, _ = define(small_config, {"seeds": "4"}, {})
    if told is None:
        here.check_same(there, Path("folder"))
        return
    with pytest.raises(UsageError) as error:
        here.check_same(there, Path("folder"))
    assert told in str(error.value)


def test_a_fixed_flag_is_a_setting_as_that_of_a_config_is(small_config):
    there, _ = define(small_config, {}, {})
    same, _ = define(small_config, {}, {"data.length": "4", "optimizer.lr": "0.010"})
    same.check_same(there, Path("folder"))
    other, _ = define(small_config, {}, {"data.length": "5"})
    with pytest.raises(UsageError, match="data.length is 4 there, 5 here"):
        other.check_same(there, Path("folder"))


def test_only_the_flag_tells_numbers_from_texts(small_config):
    given = "1e-2,0.01,5:7"
    vary = {"optimizer.lr": given, "data.corpus": given, "optimizer.mine": given}
    definition, _ = define(small_config, {"vary": vary}, {})
    assert definition.grid.varied == {
        "optimizer.lr": ("1e-2", "5", "6", "7"),
        "data.corpus": ("1e-2", "0.01", "5:7"),
        # Where a class is not known here, the looks of a value are all that there is.
        "optimizer.mine": ("1e-2", "5", "6", "7"),
    }


def test_settings_that_are_the_same_in_other_spellings(small_config):
    small_config.write_text(small_config.read_text().replace("lr: 0.01", "lr: 1e-2"))
    there, _ = define(small_config, {}, {"optimizer": "torch.optim.SGD", "data.corpus": "01"})
    here, _ = define(small_config, {}, {"optimizer": "SGD", "data.corpus": "01"})
    here.check_same(there, Path("folder"))
    for lr in ("0.01", ".010", "10e-3"):
        define(small_config, {}, {"optimizer.lr": lr})[0].check_same(
            define(small_config, {}, {})[0], Path("folder")
        )
    other, _ = define(small_config, {}, {"optimizer": "SGD", "data.corpus": "1"})
    with pytest.raises(UsageError, match="data.corpus is 01 there, 1 here"):
        other.check_same(there, Path("folder"))


def test_runs_that_are_there_keep_the_names_that_they_have(small_config):
    there, _ = define(small_config, {"vary": {"optimizer.lr": "1e-2,0.5"}}, {})
    more, _ = define(small_config, {"vary": {"optimizer.lr": "0.01,.5,7"}}, {})
    runs = [str(run) for run in more.spelled_as(there).grid.runs()]
    assert runs == ["RRN/lr=1e-2,seed=0", "RRN/lr=0.5,seed=0", "RRN/lr=7,seed=0"]


WRONG_FLAGS = {
    "model": "--model is set by the comparison: use --models A,B",
    "seed_everything": "--seed_everything is set by the comparison: use --seeds N",
    "run.name": "--run.name is set by the comparison: use --folder FOLDER",
    "triner.max_steps": "unknown flag --triner.max_steps, did you mean --trainer.max_steps?",
    "optimiser": "unknown flag --optimiser, did you mean --optimizer?",
}


@pytest.mark.parametrize("flag", WRONG_FLAGS)
def test_a_flag_that_no_comparison_has(flag):
    with pytest.raises(UsageError) as error:
        check_flag(flag)
    assert str(error.value) == WRONG_FLAGS[flag]


WRONG_FILES = {
    "compare: {config: small.yaml, modles: RNN}": "unknown key compare.modles, did you mean mode",
    "compare: {models: RNN}": "compare.config must name the base config",
    "compare: {config: none.yaml}": "no config at",
    "compare: 3": "it must hold 'compare' and nothing beside",
    "{compare: {config: small.yaml}, model: RNN}": "it must hold 'compare' and nothing beside",
    "compare: {config: small.yaml, vary: [1]}": "compare.vary must map flags to values",
    "compare: {config: small.yaml, lengths: 3, vary: {data.length: 4}}": "choose one",
    "compare: {config: small.yaml, beside: [a]}": "compare.beside must name a table",
    "compare: {config: small.yaml, models: 'a/b'}": "--models: must be names such as RNN,LSTM",
    "data: {class_path: Palindromes}": "names no model: add --models A,B",
}


@pytest.mark.parametrize("text", WRONG_FILES)
def test_a_wrong_file_is_told(text, file):
    file.write_text(text)
    with pytest.raises(UsageError) as error:
        define(file, {}, {})
    assert WRONG_FILES[text] in str(error.value)
