"""The figure of which classes are taken for which."""

from __future__ import annotations

import io
import sys

import pytest
from PIL import Image

from figures.confusion import draw_confusion

COUNTS = [[1200, 300, 0], [2, 1, 1], [0, 0, 0]]


def test_says_how_many_of_each_class_are_taken_for_each():
    axes, colours = draw_confusion(COUNTS, "the nodes").axes
    written = {text.get_position(): text.get_text() for text in axes.texts}
    # Across is what was predicted, down what is true.
    assert written == {
        (0, 0): "1,200",
        (1, 0): "300",
        (2, 0): "0",
        (0, 1): "2",
        (1, 1): "1",
        (2, 1): "1",
        (0, 2): "0",
        (1, 2): "0",
        (2, 2): "0",
    }
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert axes.get_title() == "the nodes" and colours.get_ylabel() == "share of the true class"
    assert list(axes.get_xticks()) == list(axes.get_yticks()) == [0, 1, 2]


def test_colours_show_shares_of_a_true_class():
    axes, _ = draw_confusion(COUNTS, "title").axes
    (image,) = axes.images
    assert image.get_array().tolist() == [[0.8, 0.2, 0], [0.5, 0.25, 0.25], [0, 0, 0]]
    assert image.get_clim() == (0, 1)


def test_numbers_can_be_read_on_their_colours():
    axes, _ = draw_confusion(COUNTS, "title").axes
    (image,) = axes.images
    for text in axes.texts:
        column, row = text.get_position()
        share = image.get_array()[row, column]
        red, green, blue, _ = image.cmap(float(share))
        dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.4
        assert text.get_color() == ("white" if dark else "black")


@pytest.mark.parametrize(("classes", "written"), [(20, 400), (21, 0)])
def test_many_classes_are_shown_without_numbers(classes, written):
    figure = draw_confusion([[1] * classes for _ in range(classes)], "title")
    assert len(figure.axes[0].texts) == written


@pytest.mark.parametrize("counts", [COUNTS, [[5]], [[0] * 70 for _ in range(70)]])
def test_saves_as_a_picture(counts, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    file = io.BytesIO()
    draw_confusion(counts, "title").savefig(file, format="png")
    picture = Image.open(file)
    assert picture.format == "PNG" and picture.size == (600, 500)
