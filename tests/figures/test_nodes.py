"""The figure of nodes in a plane: where each is, and that classes are told apart."""

from __future__ import annotations

import io
import sys

import pytest
from matplotlib.colors import to_hex
from PIL import Image

from figures.nodes import draw_nodes

POINTS = [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [-1.0, 0.5], [0.0, 1.0]]
CLASSES = [1, 0, 1, 3, 0]


def test_draws_each_node_at_its_place_with_its_class():
    figure = draw_nodes(POINTS, CLASSES, "the nodes")
    (axes,) = figure.axes
    drawn = {
        points.get_label(): [tuple(place) for place in points.get_offsets().tolist()]
        for points in axes.collections
    }
    assert drawn == {
        "class 0": [(2.0, 3.0), (0.0, 1.0)],
        "class 1": [(0.0, 1.0), (4.0, 5.0)],
        "class 3": [(-1.0, 0.5)],
    }
    assert axes.get_title() == "the nodes"
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "first principal component",
        "second principal component",
    )
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["class 0", "class 1", "class 3"]


@pytest.mark.parametrize("count", [2, 7, 8, 15, 70])
def test_classes_are_told_apart(count):
    (axes,) = draw_nodes([[n, n] for n in range(count)], range(count), "title").axes
    looks = {
        (to_hex(points.get_facecolor()[0]), points.get_paths()[0].vertices.tobytes())
        for points in axes.collections
    }
    assert len(looks) == count


def test_a_class_looks_the_same_whichever_others_are_there():
    colours = [
        to_hex(draw_nodes([[0, 0]] * len(classes), classes, "").axes[0].collections[-1].get_fc()[0])
        for classes in ([3], [0, 3], [1, 2, 3])
    ]
    assert len(set(colours)) == 1


@pytest.mark.parametrize("count", [1, 34, 20_000])
def test_saves_as_a_picture(count):
    figure = draw_nodes([[n, -n] for n in range(count)], [n % 3 for n in range(count)], "title")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    picture = Image.open(file)
    assert picture.format == "PNG" and picture.size == (700, 500)


def test_the_legend_lies_beside_the_nodes():
    figure = draw_nodes(POINTS, CLASSES, "title")
    figure.draw_without_rendering()
    (axes,), (legend,) = figure.axes, figure.legends
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())


def test_needs_no_screen(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    draw_nodes(POINTS, CLASSES, "title").savefig(io.BytesIO(), format="png")
