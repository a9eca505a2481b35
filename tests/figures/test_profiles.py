"""Values against time, and against time and training step: nothing vanishes, nothing crashes."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from figures.heat_maps import NO_NUMBER, ZERO, draw_heat_maps
from figures.parameters import MOST_NAMES, draw_parameters
from figures.profiles import Band, Scale, draw_profiles

MEANS = [0.0, 1e-30, 1e-3, math.nan, 1.0, math.inf, 7.0]
BAND = Band(MEANS, [0.0] * 7, [2.0] * 6 + [9.0])
every_scale = pytest.mark.parametrize("scale", list(Scale))


def png_of(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return Image.open(file)


def line(axes, name):
    return next(line for line in axes.lines if line.get_label() == name)


@every_scale
@pytest.mark.parametrize(
    "means",
    [MEANS, [0.0], [0.0] * 5, [math.nan] * 4, [1.0] * 3, [1e-45, 1e300], [1.0, 1.01]],
)
def test_draws_whatever_was_read(means, scale):
    band = Band(means, means, means)
    layers = [{"h": band, "c": band}]
    assert png_of(draw_profiles(layers, layers, "title", "label", scale)).size[0] == 700
    assert png_of(draw_heat_maps({"h": {1: means, 9: means}}, "title", "label", scale)).size


def test_each_curve_as_it_is():
    layers = [{"h": BAND, "c": Band([1.0] * 7, [1.0] * 7, [1.0] * 7)}]
    figure = draw_profiles(layers, [], "title", "norm", Scale.LOGARITHMIC)
    (axes,) = figure.axes
    assert list(line(axes, "h").get_xdata()) == [1, 2, 3, 4, 5, 6, 7]
    np.testing.assert_array_equal(
        line(axes, "h").get_ydata(), [math.nan, 1e-30, 1e-3, math.nan, 1.0, math.nan, 7.0]
    )
    assert axes.get_yscale() == "log" and axes.get_ylim()[0] < 1e-30 < 9 < axes.get_ylim()[1]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time step t", "norm")


def test_what_has_no_place_is_marked():
    (axes,) = draw_profiles([{"h": BAND}], [], "title", "norm", Scale.LOGARITHMIC).axes
    assert list(line(axes, "zero").get_xdata()) == [1]
    assert list(line(axes, "not finite").get_xdata()) == [4, 6]
    (axes,) = draw_profiles([{"h": BAND}], [], "title", "share", Scale.SHARE).axes
    assert [each.get_label() for each in axes.lines if each.get_label() == "zero"] == []
    assert axes.get_yscale() == "linear" and axes.get_ylim()[0] < 0 < 1 < axes.get_ylim()[1]


def test_a_panel_a_layer_and_what_was_before():
    layers = [{"h": BAND}, {"h": BAND}]
    figure = draw_profiles(layers, layers, "title", "stretch", Scale.AROUND_ONE)
    assert [axes.get_title() for axes in figure.axes] == ["layer 1", "layer 2"]
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["h", "zero", "not finite", "before step 1", "neither shrinks nor grows"]


def test_a_map_has_a_row_a_training_step():
    rows = {1: MEANS, 100: [1.0, 2.0], 101: MEANS}
    figure = draw_heat_maps({"h": rows, "c": rows}, "title", "norm", Scale.LOGARITHMIC)
    *panels, bar = figure.axes
    assert [axes.get_title() for axes in panels] == ["h", "c"] and bar.get_ylabel() == "norm"
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["1", "100", "101"]
    seen, unseen = (image.get_array() for image in panels[0].images)
    assert seen[1].tolist() == [1.0, 2.0, *[None] * 5]
    assert seen[0].tolist() == [None, 1e-30, 1e-3, None, 1.0, None, 7.0]
    assert [tuple(cell) for cell in unseen[2]] == [
        ZERO,
        (0, 0, 0, 0),
        (0, 0, 0, 0),
        NO_NUMBER,
        (0, 0, 0, 0),
        NO_NUMBER,
        (0, 0, 0, 0),
    ]
    assert not unseen[1].any()


def test_a_map_around_one_is_white_there():
    figure = draw_heat_maps({"h": {1: [0.1, 2.0]}}, "title", "stretch", Scale.AROUND_ONE)
    norm = figure.axes[0].images[0].norm
    assert norm(1.0) == pytest.approx(0.5) and norm(0.1) == pytest.approx(0)


@pytest.mark.parametrize("count", [1, 3, MOST_NAMES + 1])
def test_parameters(count):
    names = [f"layer.{number}" for number in range(count)]
    steps = {name: [1, 5, 9] for name in names}
    values = {name: [0.0, math.inf, 3.0] for name in names}
    figure = draw_parameters(steps, {"gradient": values, "ratio": values}, "title")
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("gradient", "ratio")
    assert len([each for each in first.lines if each.get_label() in names]) == count
    assert len(figure.legends) == (count <= MOST_NAMES)
    png_of(figure)
