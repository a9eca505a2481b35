"""The figure of the accuracies: what is on it, and that it opens no window."""

from __future__ import annotations

import io
import sys

import pytest
from PIL import Image

from figures.curves import draw_accuracy

CURVES = {
    "RNN": ([1, 50, 100], [0.1, 0.6, 0.5]),
    "LSTM": ([1, 50, 80], [0.1, 0.8, 1.0]),
    "RRN": ([1, 50], [0.2, 1.0]),
}


def png_of(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return Image.open(file)


def test_draws_each_curve_as_it_is():
    (axes,) = draw_accuracy(CURVES, "title", chance=0.1).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines) == [*CURVES, "guessing"]
    for name, (steps, accuracy) in CURVES.items():
        assert list(lines[name].get_xdata()) == steps
        assert list(lines[name].get_ydata()) == accuracy
    assert set(lines["guessing"].get_ydata()) == {0.1}


def test_says_what_it_shows():
    figure = draw_accuracy(CURVES, "RNN and others", chance=0.1)
    (axes,) = figure.axes
    assert axes.get_title() == "RNN and others"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("training step", "accuracy")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*CURVES, "guessing"]


def test_all_of_an_accuracy_is_in_view():
    (axes,) = draw_accuracy(CURVES, "title", chance=0.1).axes
    bottom, top = axes.get_ylim()
    assert bottom == 0 and 1 < top < 1.1
    left, right = axes.get_xlim()
    assert left == 0 and right >= 100


@pytest.mark.parametrize("count", [2, 7, 8, 28])
def test_curves_are_told_apart(count):
    curves = {f"run {n}": ([1, 2], [0, 1]) for n in range(count)}
    (axes,) = draw_accuracy(curves, "title", chance=0.1).axes
    looks = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
    assert len(looks) == count + 1


@pytest.mark.parametrize(
    "curves", [CURVES, {"one point": ([1], [0.5])}, {"no point": ([], [])}, {}]
)
def test_saves_as_a_picture(curves):
    picture = png_of(draw_accuracy(curves, "title", chance=0.1))
    assert picture.format == "PNG" and picture.size == (700, 400)


@pytest.mark.parametrize("count", [1, 7])
def test_the_legend_lies_beside_the_curves(count):
    curves = {f"run number {n}": ([1, 2], [0, 1]) for n in range(count)}
    figure = draw_accuracy(curves, "title", chance=0.1)
    figure.draw_without_rendering()
    (axes,), (legend,) = figure.axes, figure.legends
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())
    assert figure.bbox.containsx(legend.get_window_extent().x1)


def test_needs_no_screen(monkeypatch):
    """pyplot would look for one, and keep every figure in memory."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError):
        import matplotlib.pyplot  # noqa: F401
    png_of(draw_accuracy(CURVES, "title", chance=0.1))
