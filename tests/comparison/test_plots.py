"""The figures of a comparison: the right numbers on the axes, and all that a reader needs."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from comparison import plots
from comparison.against import against_setting
from comparison.cost import against_cost
from comparison.layout import MOST_LINES
from comparison.over_steps import over_steps
from comparison.records import read_curves, read_results
from comparison.results import collect
from figures.panels import MOST_PANELS


@pytest.fixture
def drawn(folder):
    """All figures of the folder, by name."""

    def draw():
        finished = [record for record in read_results(folder) if record.finished]
        return {
            **dict(against_setting(finished)),
            **dict(over_steps(finished, read_curves(folder))),
            **dict(against_cost(finished)),
        }

    return draw


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def points_of(axes):
    """Of each group drawn with error bars: name to [(x, y)], and to the ends of the bars."""
    points, bars = {}, {}
    for container in axes.containers:
        line, _, (*_, vertical) = container
        points[container.get_label()] = list(zip(*line.get_data(), strict=True))
        bars[container.get_label()] = [
            (low, high) for (_, low), (_, high) in map(list, vertical.get_segments())
        ]
    return points, bars


def strip_of(axes):
    """The numbers in the strip of the unsolved: (place, row) to text."""
    return {
        tuple(text.get_position()): text.get_text()
        for text in axes.texts
        if text.get_text().isdigit()
    }


def labels_of(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def reference(seeds, name):
    return [seed[name] for seed in seeds if seed[name] is not None]


def test_accuracy_against_length(drawn, lengths):
    figure = drawn()["accuracy_against_length"]
    (axes,) = figure.axes
    lines = lines_of(axes)
    assert list(lines) == labels_of(figure) == ["RNN", "LSTM"]
    bands = dict(zip(lines, axes.collections, strict=True))
    for model, line in lines.items():
        assert list(line.get_xdata()) == [5, 10, 20]
        corners = bands[model].get_paths()[0].vertices
        for place, mean in zip(*line.get_data(), strict=True):
            values = reference(lengths[model, int(place)], "best_accuracy")
            assert mean == pytest.approx(np.mean(values))
            deviation = np.std(values, ddof=1)
            ends = {round(y, 9) for x, y in corners if x == place}
            # No accuracy is above 1.
            expected = {np.mean(values) - deviation, min(1, np.mean(values) + deviation)}
            assert ends == {round(end, 9) for end in expected}
    assert axes.get_ylim() == (0, 1.03)
    assert axes.get_xlabel() == "length T (digits or characters read)"
    assert axes.get_ylabel() == "best accuracy (moving average of the training)"
    assert "Best accuracy against length" in figure.get_suptitle()
    assert "mean ± standard deviation over 3 seeds" in figure.get_suptitle()


def test_steps_are_those_of_solved_seeds_and_the_unsolved_are_counted(drawn, lengths):
    figure = drawn()["steps_to_converge_against_length"]
    axes, strip = figure.axes
    lines = lines_of(axes)
    for model, line in lines.items():
        for place, mean in zip(*line.get_data(), strict=True):
            values = reference(lengths[model, int(place)], "steps_to_converge")
            assert mean == pytest.approx(np.mean(values)) if values else np.isnan(mean)
    assert strip_of(strip) == {(10, 0): "2", (20, 0): "3", (20, 1): "1"}
    assert [label.get_text() for label in strip.get_yticklabels()] == ["RNN", "LSTM"]
    assert any("unsolved seeds" in text.get_text() for text in strip.texts)
    assert "the solved of 3 seeds" in figure.get_suptitle()
    assert strip.get_xlabel().startswith("length T") and axes.get_ylabel() == "steps to converge"
    assert strip.get_xlim() == axes.get_xlim() and axes.get_xlim()[1] > 20


def test_every_line_has_a_look_of_its_own_also_in_grey(drawn, lengths):
    for name, figure in drawn().items():
        for axes in figure.axes:
            lines = [*lines_of(axes).values(), *(container[0] for container in axes.containers)]
            for looks in (
                [line.get_color() for line in lines],
                [line.get_marker() for line in lines],
            ):
                assert len(set(looks)) == len(lines), name
            assert not any(line.get_marker() in ("None", "") for line in lines)


def test_a_group_looks_the_same_in_every_figure(drawn, lengths):
    colours = {
        (label, to_hex(line.get_color()), line.get_marker())
        for figure in drawn().values()
        for axes in figure.axes
        for label, line in [
            *lines_of(axes).items(),
            *((container.get_label(), container[0]) for container in axes.containers),
        ]
    }
    assert len(colours) == len({name for name, *_ in colours}) > 2


def test_numbers_that_grow_by_factors_have_a_logarithmic_axis(folder, finish, drawn):
    for flag, values, scale in (
        ("model.hidden_size", ("32", "64", "128", "256"), "log"),
        ("optimizer.lr", ("0.001", "0.01", "0.1"), "log"),
        ("data.length", ("5", "10", "15", "100"), "linear"),
        ("model.num_layers", ("1", "2"), "linear"),
        ("model.dropout", ("0", "0.25", "0.5"), "linear"),
    ):
        collect(folder, [finish("RNN", 0, {flag: value}) for value in values])
        (axes,) = drawn()[f"accuracy_against_{flag.partition('.')[2]}"].axes
        assert axes.get_xscale() == scale, flag
        assert list(lines_of(axes)["RNN"].get_xdata()) == [float(value) for value in values]
        assert [float(label.get_text()) for label in axes.get_xticklabels()] == [
            float(value) for value in values
        ]


@pytest.fixture
def optimizers(folder, finish):
    """RNN and RRN with 3 optimisers, 4 seeds each."""
    made = {}
    runs = []
    for model in ("RNN", "RRN"):
        for place, optimizer in enumerate(("SGD", "RMSprop", "Adam")):
            for seed in range(4):
                solved = place > 0 and seed != 2
                made.setdefault((model, place), []).append(0.3 + 0.1 * place + 0.01 * seed**2)
                runs.append(
                    finish(
                        model,
                        seed,
                        {"optimizer": optimizer},
                        best_accuracy=made[model, place][-1],
                        steps_to_converge=10 if solved else None,
                    )
                )
    collect(folder, runs)
    return made


def test_a_class_has_points_with_their_spread(drawn, optimizers):
    figures = drawn()
    figure = figures["accuracy_against_optimizer"]
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["SGD", "RMSprop", "Adam"] and axes.get_xlabel() == "optimizer"
    points, bars = points_of(axes)
    assert list(points) == labels_of(figure) == ["RNN", "RRN"]
    for model in points:
        for place, ((x, mean), (low, high)) in enumerate(
            zip(points[model], bars[model], strict=True)
        ):
            values = optimizers[model, place]
            assert round(x) == place and mean == pytest.approx(np.mean(values))
            assert high - low == pytest.approx(2 * np.std(values, ddof=1))
    # Each seed is a point too.
    seeds = {round(y, 9) for each in axes.collections for _, y in each.get_offsets().tolist()}
    assert {round(v, 9) for values in optimizers.values() for v in values} <= seeds
    assert "over 4 seeds; small points: seeds" in figure.get_suptitle()
    # Groups stand beside each other.
    assert len({round(x, 6) for model in points for x, _ in points[model]}) == 6
    strip = figures["steps_to_converge_against_optimizer"].axes[1]
    assert strip_of(strip) == {
        (place, row): str(count) for row in (0, 1) for place, count in enumerate((4, 1, 1))
    }


def test_where_nothing_is_varied_architectures_stand_side_by_side(folder, finish, drawn):
    validation = {"step": 1, "accuracy": 0.5, "loss": 1.0, "test_accuracy": 0.75}
    runs = [
        finish(model, seed, threshold=None, best_validation=validation, parameters=size)
        for model, size in (("GCN", 5), ("CellGCN", 20))
        for seed in range(2)
    ]
    collect(folder, runs)
    figures = drawn()
    assert set(figures) == {
        "accuracy_against_architecture",
        "validation_accuracy_against_architecture",
        "validation_loss_against_architecture",
        "test_accuracy_against_architecture",
        "test_accuracy_against_parameters",
    }
    (axes,) = figures["test_accuracy_against_architecture"].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["GCN", "CellGCN"]
    assert not figures["test_accuracy_against_architecture"].legends
    (axes,) = figures["test_accuracy_against_parameters"].axes
    assert points_of(axes)[0] == {"GCN": [(5, 0.75)], "CellGCN": [(20, 0.75)]}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("parameters", "test accuracy")


def test_parameters_and_time_against_accuracy(drawn, lengths):
    figures = drawn()
    for cost, word, unit in (
        ("parameters", "parameters", "parameters"),
        ("seconds", "time", "(s)"),
    ):
        figure = figures[f"accuracy_against_{word}"]
        panels = {axes.get_title(): axes for axes in figure.axes}
        assert list(panels) == [""]
        (axes,) = figure.axes
        points, _ = points_of(axes)
        assert unit in axes.get_xlabel() and axes.get_xscale() == "log"
        expected = {
            f"{model}, length {length}": [
                (np.mean(reference(seeds, cost)), np.mean(reference(seeds, "best_accuracy")))
            ]
            for (model, length), seeds in lengths.items()
        }
        assert points.keys() == expected.keys()
        for name in points:
            np.testing.assert_allclose(points[name], expected[name])


def test_settings_that_change_the_size_are_one_line(folder, finish, drawn):
    collect(
        folder,
        [
            finish(model, 0, {"model.hidden_size": size}, parameters=int(size) ** 2 * gates)
            for model, gates in (("RNN", 1), ("LSTM", 4))
            for size in ("16", "8")
        ],
    )
    (axes,) = drawn()["accuracy_against_parameters"].axes
    points, _ = points_of(axes)
    assert {name: [x for x, _ in each] for name, each in points.items()} == {
        "RNN": [64, 256],
        "LSTM": [256, 1024],
    }


def test_of_one_architecture_each_point_says_what_it_is(folder, finish, drawn):
    collect(
        folder,
        [finish("RRN", 0, {"data.length": n}, seconds=float(n) / 7) for n in ("50", "100")],
    )
    figure = drawn()["accuracy_against_time"]
    (axes,) = figure.axes
    assert {text.get_text() for text in axes.texts} == {"50", "100"}
    assert "beside each point: length" in figure.get_suptitle()


def test_a_converged_run_keeps_its_last_value(folder, finish, drawn, curves):
    runs = [finish("RNN", seed, steps_to_converge=20) for seed in range(3)]
    collect(folder, runs)
    curves(
        [
            ("RNN/seed=0", 1, 0.1, 2.3),
            ("RNN/seed=0", 20, 0.9, 0.2),
            ("RNN/seed=1", 1, 0.2, 2.0),
            ("RNN/seed=1", 10, 0.4, 1.5),
            ("RNN/seed=1", 40, 0.5, 1.0),
            ("RNN/seed=2", 1, 0.3, 2.2),
            ("RNN/seed=2", 10, 0.6, 1.6),
        ]
    )
    figures = drawn()
    figure = figures["curves_accuracy"]
    (axes,) = figure.axes
    line = lines_of(axes)["RNN"]
    assert list(line.get_xdata()) == [1, 10, 20, 40]
    at_10 = 0.1 + 0.8 * 9 / 19
    seeds = [[0.1, 0.2, 0.3], [at_10, 0.4, 0.6], [0.9, 0.4 + 0.1 / 3, 0.6], [0.9, 0.5, 0.6]]
    np.testing.assert_allclose(line.get_ydata(), np.mean(seeds, axis=1))
    corners = axes.collections[0].get_paths()[0].vertices
    ends = sorted({round(y, 9) for x, y in corners if x == 40})
    deviation = np.std(seeds[3], ddof=1)
    np.testing.assert_allclose(ends, np.mean(seeds[3]) + np.array([-1, 1]) * deviation)
    assert "stopped runs keep their last value" in figure.get_suptitle()
    assert (axes.get_xlabel(), axes.get_xlim()[0]) == ("training step", 0)
    (axes,) = figures["curves_loss"].axes
    assert axes.get_ylabel() == "training loss (nats)"
    np.testing.assert_allclose(lines_of(axes)["RNN"].get_ydata()[-1], np.mean([0.2, 1.0, 1.6]))


@pytest.mark.parametrize(("first", "scale"), [(840.0, "log"), (20.0, "linear")])
def test_a_loss_that_begins_very_high_hides_no_other(first, scale, folder, finish, drawn, curves):
    collect(folder, [finish("RNN"), finish("RRN")])
    losses = {"RNN": (4, 3.5, 3.2, 3.1), "RRN": (first, 60, 3.4, 3.3)}
    curves(
        [
            (f"{model}/seed=0", step, 0.5, loss)
            for model, each in losses.items()
            for step, loss in enumerate(each)
        ]
    )
    (axes,) = drawn()["curves_loss"].axes
    assert axes.get_yscale() == scale
    low, high = axes.get_ylim()
    assert low < 3.1 and high > max(first, 60)


def test_points_at_the_top_are_seen_whole(folder, finish, drawn):
    """Also in a panel whose own values are lower than those of others."""
    validation = [{"step": 20, "loss": loss} for loss in (1.0, 3.28, 3.3)]
    runs = [
        finish(
            "RNN",
            seed,
            {"data.length": str(n), "optimizer": name},
            **{"threshold": None, "best_validation": validation[seed + (n > 1)]},
        )
        for n in range(1, 9)
        for name in ("SGD", "Adam")
        for seed in (0, 1)
    ]
    collect(folder, runs)
    figure = drawn()["validation_loss_against_optimizer"]
    assert len(figure.axes) == 8
    for axes in figure.axes:
        assert axes.get_ylim()[0] == 0 and axes.get_ylim()[1] > 1.04 * 3.3


def test_unfinished_runs_are_in_no_figure(folder, finish, fail, drawn, curves):
    collect(folder, [finish("RNN"), fail("LSTM", "broken"), fail("RNN", "broken", 1)])
    curves([(f"{run}", step, 0.5, 1.0) for run in ("RNN/seed=0", "LSTM/seed=0") for step in (1, 2)])
    figures = drawn()
    assert "over 1 seed" in figures["accuracy_against_architecture"].get_suptitle()
    assert list(lines_of(figures["curves_accuracy"].axes[0])) == ["RNN"]


def test_many_combinations_get_panels_and_pages_and_none_is_lost(folder, finish, drawn):
    few, many = MOST_LINES // 2, MOST_PANELS + 3
    for count, panels in ((few, [1]), (few + 1, [few + 1]), (many, [MOST_PANELS, 3])):
        settings = [
            {"data.length": length, "data.noise": str(n)} for n in range(count) for length in "58"
        ]
        collect(folder, [finish(model, 0, each) for model in ("RNN", "GRU") for each in settings])
        pages = {n: f for n, f in drawn().items() if n.startswith("accuracy_against_length")}
        assert [len(figure.axes) for figure in pages.values()] == panels
        assert len(set(pages)) == len(panels)
        lines = sum(len(lines_of(axes)) for f in pages.values() for axes in f.axes)
        assert lines == 2 * count
    assert list(pages) == ["accuracy_against_length_1", "accuracy_against_length_2"]
    assert "part 2 of 2" in pages["accuracy_against_length_2"].get_suptitle()
    titles = {axes.get_title() for figure in pages.values() for axes in figure.axes}
    assert titles == {f"noise {n}" for n in range(many)}


def test_different_numbers_of_seeds_are_told(folder, finish, drawn):
    runs = [finish("RNN", seed, {"data.length": "5"}) for seed in range(4)]
    collect(folder, [*runs, finish("RNN", 0, {"data.length": "6"})])
    assert "over 1 to 4 seeds" in drawn()["accuracy_against_length"].get_suptitle()


def test_what_is_the_same_in_all_runs_is_in_the_title(folder, finish, drawn):
    settings = {"model.encoding": "one_hot"}
    collect(folder, [finish("RNN", 0, {"data.length": n, **settings}) for n in "56"])
    assert "model.encoding one_hot" in drawn()["accuracy_against_length"].get_suptitle()


def test_the_legend_and_the_title_cover_nothing(drawn, lengths, curves):
    curves([("RNN/length=5,seed=0", 1, 0, 1), ("RNN/length=5,seed=0", 2, 0, 1)])
    for name, figure in drawn().items():
        figure.draw_without_rendering()
        boxes = [axes.get_window_extent() for axes in figure.axes]
        (legend,) = figure.legends
        words = [legend.get_window_extent(), figure._suptitle.get_window_extent()]
        assert not words[0].overlaps(words[1]), name
        for word in words:
            assert not any(word.overlaps(box) for box in boxes), name
            assert figure.bbox.x0 <= word.x0 and word.x1 <= figure.bbox.x1, name
        ticks = [axes.get_tightbbox() for axes in figure.axes]
        assert not any(word.overlaps(box) for box in ticks for word in words), name


def test_pictures_are_there_as_png_svg_and_events(folder, lengths, curves):
    curves([(f"{model}/length=5,seed=0", n, 0.5, 1) for model in ("RNN", "LSTM") for n in (1, 2)])
    files = plots.draw_all(folder)
    names = {file.stem for file in files}
    assert names == {
        "accuracy_against_length",
        "steps_to_converge_against_length",
        "curves_accuracy",
        "curves_loss",
        "accuracy_against_parameters",
        "accuracy_against_time",
    }
    assert {file.suffix for file in files} == {".png", ".svg"} and len(files) == 12
    for file in files:
        assert file.parent == folder / "figures"
        if file.suffix == ".png":
            with Image.open(file) as picture:
                assert picture.width >= 1000
        else:
            assert ElementTree.parse(file).getroot().tag.endswith("svg")
    before = {file: file.read_bytes() for file in files}
    # A second time gives the same pictures, and one set of events.
    assert plots.draw_all(folder) == files
    assert {file: file.read_bytes() for file in files} == before
    images = images_of(folder / "figures")
    assert images.keys() == {f"figures/{name}" for name in names}
    for tag, pictures in images.items():
        (picture,) = pictures
        assert picture == before[folder / f"{tag}.png"]


def images_of(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    return {
        tag: [image.encoded_image_string for image in events.Images(tag)]
        for tag in events.Tags()["images"]
    }


def test_nothing_finished_is_nothing_to_draw(folder, fail):
    collect(folder, [fail("RNN", "broken")])
    assert plots.draw_all(folder) == []
    assert not (folder / "figures").exists()


def test_needs_no_screen(monkeypatch, folder, finish):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    collect(folder, [finish("RNN")])
    assert plots.draw_all(folder)


def test_names_with_dots_keep_them(folder, finish):
    collect(folder, [finish("RNN", 0, {"a.lr": n, "b.lr": n}) for n in ("1", "2")])
    files = {file.name for file in plots.draw_all(folder)}
    assert "accuracy_against_a.lr.png" in files and "accuracy_against_b.lr.svg" in files


def test_a_value_that_no_seed_has_is_no_hindrance(folder, finish):
    runs = [finish("RNN", 0, {"data.length": n}, best_accuracy=None) for n in "56"]
    collect(folder, runs)
    assert plots.draw_all(folder) == []
    collect(folder, [*runs, finish("LSTM", 0, {"data.length": "5"}, steps_to_converge=3)])
    assert {file.stem for file in plots.draw_all(folder)} == {
        "accuracy_against_length",
        "steps_to_converge_against_length",
    }
