"""Runs at other lengths than trained at: their table, their figure, and what is missing."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from command_line.lengths_file import AtLength, write_lengths
from comparison import plots
from comparison.folder import ComparisonFolder, State
from comparison.over_lengths import over_lengths
from comparison.records import read_lengths, read_results
from comparison.results import collect

TESTED = (5, 10, 20, 40, 80)


@pytest.fixture
def measure(folder, finish):
    """Finish a run and write what it came to at some lengths, by the length."""

    def write(model, seed=0, trained=10, accuracies=None, settings=None):
        run = finish(model, seed, settings or {})
        rows = [
            AtLength(trained, length, 1 / length, accuracy, 0.1)
            for length, accuracy in (accuracies or dict.fromkeys(TESTED, 0.5)).items()
        ]
        write_lengths(folder / "runs" / model / run.name / "lengths.csv", rows)
        return run

    return write


@pytest.fixture
def drawn(folder):
    def draw():
        finished = [record for record in read_results(folder) if record.finished]
        return dict(over_lengths(finished, read_lengths(folder)))

    return draw


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines}


def upright(axes):
    return [line.get_xdata()[0] for line in axes.lines if line.get_label() == "trained length"]


# The table


def test_a_row_a_run_and_length(folder, measure, finish, rows):
    runs = [measure("RNN", 0, 10, {5: 1 / 3, 20: 0.25}), measure("RRN", 1, 20, {5: 1.0})]
    collect(folder, [*runs, finish("GRU")], (5, 20))
    table = rows("lengths.csv")
    assert list(table[0]) == [
        *("run", "model", "seed", "trained_length", "test_length"),
        *("loss", "accuracy", "guessing"),
    ]
    assert [(row["run"], row["trained_length"], row["test_length"]) for row in table] == [
        ("RNN/seed=0", "10", "5"),
        ("RNN/seed=0", "10", "20"),
        ("RRN/seed=1", "20", "5"),
    ]
    assert [float(row["accuracy"]) for row in table] == [1 / 3, 0.25, 1.0]
    assert [float(row["loss"]) for row in table] == [0.2, 0.05, 0.2]


def test_lengths_that_are_not_asked_for_any_more_go(folder, measure, rows):
    run = measure("RNN")
    collect(folder, [run], (5, 10))
    assert [row["test_length"] for row in rows("lengths.csv")] == ["5", "10"]
    collect(folder, [run])
    assert not (folder / "lengths.csv").exists() and read_lengths(folder) == {}


def test_a_loss_that_is_not_finite_is_no_hindrance(folder, measure, finish, drawn):
    run = finish("RNN")
    file = folder / "runs/RNN" / run.name / "lengths.csv"
    write_lengths(file, [AtLength(10, 20, float("inf"), 0.25, 0.1)])
    collect(folder, [run], (20,))
    (each,) = read_lengths(folder)[str(run)]
    assert each[:2] == (10, 20) and np.isnan(each.loss) and each.accuracy == 0.25
    assert list(drawn()) == ["accuracy_at_length"]


WRONG = {
    "a column less": ("accuracy", "acuracy", "lengths.csv has no column accuracy"),
    "number": ("0.5", "o.5", "line 2: accuracy must be a number, got o.5"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_table_is_told_in_a_line(case, folder, measure):
    collect(folder, [measure("RNN")], TESTED)
    before, after, message = WRONG[case]
    file = folder / "lengths.csv"
    file.write_text(file.read_text().replace(before, after))
    with pytest.raises(ValueError, match=message):
        read_lengths(folder)


# The figure


def test_a_line_an_architecture_with_the_spread_of_its_seeds(folder, measure, drawn):
    runs, expected = [], {}
    for model, factor in (("RNN", 1), ("LSTM", 2)):
        for seed in range(3):
            accuracies = {n: min(1.0, factor * (0.1 + 0.1 * seed + 1 / n)) for n in TESTED}
            runs.append(measure(model, seed, 10, accuracies))
            expected.setdefault(model, []).append(list(accuracies.values()))
    collect(folder, runs, TESTED)
    (axes,) = drawn()["accuracy_at_length"].axes
    bands = dict(zip(("RNN", "LSTM"), axes.collections, strict=True))
    for model, values in expected.items():
        line = lines_of(axes)[model]
        assert list(line.get_xdata()) == list(TESTED)
        np.testing.assert_allclose(line.get_ydata(), np.mean(values, axis=0))
        mean, deviation = np.mean(values, axis=0), np.std(values, axis=0, ddof=1)
        corners = bands[model].get_paths()[0].vertices
        for place, low, high in zip(TESTED, mean - deviation, mean + deviation, strict=True):
            ends = [y for x, y in corners if x == place]
            np.testing.assert_allclose([min(ends), max(ends)], [max(low, 0), min(high, 1)])
    assert upright(axes) == [10]
    assert set(lines_of(axes)["guessing"].get_ydata()) == {0.1}
    assert axes.get_xscale() == "log" and axes.get_ylim() == (0, 1.03)
    assert [label.get_text() for label in axes.get_xticklabels()] == list(map(str, TESTED))
    assert axes.get_xlabel() == "length T of the test (digits read)"
    title = axes.figure.get_suptitle()
    assert title.startswith("Test accuracy at other lengths than trained at\n")
    assert "mean ± standard deviation over 3 seeds" in title
    (legend,) = axes.figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["RNN", "LSTM", "trained length", "guessing"]


@pytest.mark.parametrize(("models", "panels"), [(2, 1), (4, 3)])
def test_several_trained_lengths_are_lines_while_few_and_else_panels(
    models, panels, folder, measure, drawn
):
    runs = [
        measure(model, 0, trained, settings={"data.length": str(trained)})
        for model in ("RNN", "LSTM", "RRN", "GRU")[:models]
        for trained in (5, 10, 20)
    ]
    collect(folder, runs, TESTED)
    figure = drawn()["accuracy_at_length"]
    assert len(figure.axes) == panels
    assert "names tell the length trained at" in figure.get_suptitle()
    if panels == 1:
        assert upright(figure.axes[0]) == [5, 10, 20]
        assert "LSTM, length 20" in lines_of(figure.axes[0])
    else:
        assert [upright(axes) for axes in figure.axes] == [[5], [10], [20]]
        assert [axes.get_title() for axes in figure.axes] == ["length 5", "length 10", "length 20"]


@pytest.mark.parametrize(
    ("lengths", "scale"),
    [
        (range(10, 210, 10), "linear"),
        ([7], "linear"),
        ([2**n for n in range(1, 13)], "log"),
        ([2, 4, 6, 8, 16, 32, 64], "log"),
    ],
)
def test_the_axis_is_as_the_lengths_grow(lengths, scale, folder, measure, drawn):
    collect(folder, [measure("RNN", accuracies=dict.fromkeys(lengths, 0.5))], lengths)
    figure = drawn()["accuracy_at_length"]
    (axes,) = figure.axes
    assert axes.get_xscale() == scale
    figure.draw_without_rendering()
    shown = [label for label in axes.get_xticklabels(which="both") if label.get_text()]
    boxes = sorted((label.get_window_extent() for label in shown), key=lambda box: box.x0)
    assert all(one.x1 < other.x0 for one, other in zip(boxes, boxes[1:], strict=False))


def test_drawn_from_the_tables_alone_and_gone_without(folder, measure, tmp_path):
    runs = [measure("RNN", seed) for seed in range(2)]
    collect(folder, runs, TESTED)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("results.csv", "lengths.csv"):
        shutil.copy(folder / name, copy)
    for place in (folder, copy):
        plots.draw_all(place)
    names = [f"figures/accuracy_at_length.{kind}" for kind in ("png", "svg")]
    for name in names:
        assert (folder / name).read_bytes() == (copy / name).read_bytes()
    collect(folder, runs)
    plots.draw_all(folder)
    assert not any((folder / name).exists() for name in names)


# What is missing


def test_a_run_is_finished_once_it_is_measured_at_all_of_them(folder, finish, measure):
    here = ComparisonFolder(folder, (5, 10))
    run = finish("RNN")
    assert here.state(run) is State.TRAINED
    assert ComparisonFolder(folder).state(run) is State.FINISHED
    here.note_failure(run, "trained, but not measured: out of luck")
    assert here.state(run) is State.FAILED
    here.forget_failure(run)
    measure("RNN", accuracies={5: 1.0})
    assert here.state(run) is State.TRAINED
    measure("RNN", accuracies={5: 1.0, 10: 0.5, 99: 0.1})
    assert here.state(run) is State.FINISHED
