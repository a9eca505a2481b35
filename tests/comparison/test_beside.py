"""What others have reported is read as it is, and drawn where the comparison has been."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.colors import to_hex

from command_line.errors import UsageError
from comparison.against import against_setting
from comparison.beside import Reported, check_beside, read_beside
from comparison.definition import define
from comparison.plots import draw_all
from comparison.records import read_results
from comparison.results import collect

STUDY = Path(__file__).resolve().parents[2] / "configs/study"
TABLE = """\
source,model,data.length,accuracy,steps_to_converge,note
others,RNN,5,1.0,300,
others,RNN,12,0.5,,about
others,RNN,450,0.2,,
others,GRU,10,0.9,,
we,LSTM,20,0.25,,
"""


@pytest.fixture
def write(folder):
    """Write beside.csv."""

    def write(text: str) -> Path:
        folder.mkdir(exist_ok=True)
        file = folder / "beside.csv"
        file.write_text(text)
        return file

    return write


@pytest.fixture
def drawn(folder):
    """The figures of the folder against what was varied, by name."""

    def draw():
        return dict(against_setting(read_results(folder), read_beside(folder)))

    return draw


def reported_in(axes):
    """Of each hollow series, its points."""
    return {
        line.get_label(): list(zip(*line.get_data(), strict=True))
        for line in axes.lines
        if line.get_markerfacecolor() == "none"
    }


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines}


def test_a_row_is_read_without_its_empty_cells(write, folder):
    write(TABLE)
    first, second, *_ = read_beside(folder)
    numbers = {"accuracy": 1.0, "steps_to_converge": 300}
    assert first == Reported("others", "RNN", {"data.length": 5}, numbers)
    assert second.numbers == {"accuracy": 0.5} and second.name == "RNN, others"


def test_without_a_table_there_is_nothing(folder):
    assert read_beside(folder) == []


WRONG = {
    "": "has no column source",
    "source,model,length,accuracy\n": "column length is neither a flag nor a measure, did you mea",
    "source,model,data.length,acuracy\n": "a measure, did you mean accuracy?",
    "source,model,run.name\n": "column run.name is neither a flag nor a measure",
    "source,model,accuracy\nwe,RNN,high\n": "line 2: accuracy must be a number, got high",
    "source,model,accuracy\nwe,RNN,75\n": "line 2: accuracy cannot be 75",
    "source,model,accuracy\nwe,RNN,nan\n": "line 2: accuracy cannot be nan",
    "source,model,data.length\nwe,RNN,inf\n": "line 2: data.length cannot be inf",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_table_is_told_in_one_line(text, write):
    with pytest.raises(UsageError) as error:
        check_beside(write(text))
    assert WRONG[text] in str(error.value) and "\n" not in str(error.value)


def test_a_missing_table_is_told(tmp_path):
    with pytest.raises(UsageError, match="has no none.csv"):
        check_beside(tmp_path / "none.csv")


def test_points_of_its_models_are_drawn_within_its_range(write, lengths, drawn):
    write(TABLE)
    figures = drawn()
    (axes,) = figures["accuracy_against_length"].axes
    # No GRU, which the comparison has not, and no 450.
    assert reported_in(axes) == {"RNN, others": [(5, 1.0), (12, 0.5)], "LSTM, we": [(20, 0.25)]}
    lines = lines_of(axes)
    for model, name in (("RNN", "RNN, others"), ("LSTM", "LSTM, we")):
        assert lines[name].get_color() == lines[model].get_color()
        assert lines[name].get_linestyle() == "None"
    assert axes.get_xlim()[1] < 25
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5", "10", "20"]
    (legend,) = figures["accuracy_against_length"].legends
    assert [text.get_text() for text in legend.get_texts()] == [*lines]
    steps, strip = figures["steps_to_converge_against_length"].axes
    assert reported_in(steps) == {"RNN, others": [(5, 300)]}
    assert [label.get_text() for label in strip.get_yticklabels()] == ["RNN", "LSTM"]


def test_a_table_leaves_the_lines_as_they_are(write, lengths, drawn):
    (before,) = drawn()["accuracy_against_length"].axes
    write(TABLE)
    (after,) = drawn()["accuracy_against_length"].axes
    for name, line in lines_of(before).items():
        same = lines_of(after)[name]
        assert same.get_color() == line.get_color()
        assert same.get_xydata().tolist() == line.get_xydata().tolist()
    assert after.get_xlim() == before.get_xlim() and after.get_ylim() == before.get_ylim()


def optimizers(finish, folder, models, names):
    collect(
        folder,
        [
            finish(model, 0, {"data.length": length, "optimizer": name}, best_accuracy=0.5)
            for model in models
            for name in names
            for length in ("5", "20")
        ],
    )


def test_points_stand_in_every_panel_that_has_the_model(write, finish, folder, drawn):
    write(TABLE)
    optimizers(finish, folder, ("RNN", "LSTM", "GRU"), ("SGD", "Adam", "RMSprop"))
    figures = drawn()
    panels = figures["accuracy_against_length"].axes
    assert len(panels) == 3
    for axes in panels:
        assert list(reported_in(axes)) == ["RNN, others", "GRU, others", "LSTM, we"]
    # A class is no place for numbers, and nothing is known of the optimiser.
    assert not any(map(reported_in, figures["accuracy_against_optimizer"].axes))


def test_points_of_a_model_with_several_lines_look_like_none_of_them(write, finish, folder, drawn):
    write(TABLE)
    optimizers(finish, folder, ("RNN", "LSTM"), ("SGD", "Adam", "RMSprop"))
    (axes,) = drawn()["accuracy_against_length"].axes
    lines = lines_of(axes)
    reported = [lines.pop(name) for name in reported_in(axes)]
    looks = {to_hex(line.get_color()) for line in lines.values()}
    assert len(reported) == 2 and len(lines) == 6
    assert not looks & {to_hex(line.get_color()) for line in reported}
    assert len({line.get_marker() for line in [*lines.values(), *reported]}) == 8


def test_figures_are_drawn_from_the_folder(write, lengths, folder):
    draw_all(folder)
    picture = folder / "figures/accuracy_against_length.svg"
    without = picture.read_text()
    write(TABLE)
    draw_all(folder)
    assert "RNN, others" in picture.read_text() and "RNN, others" not in without
    (folder / "beside.csv").unlink()
    draw_all(folder)
    assert picture.read_text() == without


@pytest.mark.parametrize("name", ["beyond", "figures_3_4", "figures_6_7"])
def test_the_study_has_what_was_read_off_its_figures(name, folder, write):
    definition, _ = define(STUDY / f"{name}.yaml", {}, {})
    write(definition.beside.read_text())
    accuracy = {
        (each.model, each.settings["data.length"]): each.numbers["accuracy"]
        for each in read_beside(folder)
    }
    assert {each.source for each in read_beside(folder)} == {"the study (read off)"}
    assert accuracy["RNN", 15] == 0.75 and accuracy["RNN", 100] == 1
    assert accuracy["LSTM", 20] == 1 and accuracy["LSTM", 25] == 0.2
    assert accuracy["RRN", 300] == 1 and accuracy["RRN", 350] == 0.22
    assert {model for model, _ in accuracy} & set(definition.grid.models)


def test_another_encoding_is_not_what_the_study_had():
    assert define(STUDY / "figures_3_4_one_hot.yaml", {}, {})[0].beside is None
