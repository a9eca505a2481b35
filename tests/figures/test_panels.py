"""Whatever the names are, all of them are within the picture, and none runs into another."""

from __future__ import annotations

from itertools import combinations

import pytest
from matplotlib.text import Text

from figures.comparisons import Series, draw_against_class, draw_against_number

LONG = "best accuracy (moving average of the training)"
CLASSES = ["orthogonal", "a_name_of_an_initialization_as_long_as_this", "identity:0.9"]


def drawn(kind, count, strip):
    heading = "lr 0.0001, initialization orthogonal, encoding one_hot"
    names = ["RNN", "CharGenerator, of a very long name, " + "initialization identity, " * 3]
    series = [Series(name, {n: [0.5, 1e7] for n in range(3)}, {0: 1, 1: 0, 2: 2}) for name in names]
    panels = {f"{heading} {number}": series for number in range(count)}
    words = ("Title that is long, " * 9, "length T (digits or characters read)", LONG)
    missing = "number of unsolved seeds" if strip else ""
    if kind == "class":
        return draw_against_class(panels, CLASSES, *words, missing=missing)
    return draw_against_number(panels, *words, missing=missing)


@pytest.mark.parametrize(
    ("kind", "count", "strip"),
    [("number", 4, True), ("class", 1, False), ("class", 5, False)],
)
def test_names_are_inside_and_apart(kind, count, strip):
    figure = drawn(kind, count, strip)
    figure.draw_without_rendering()
    whole = figure.bbox
    texts = [each for each in figure.findobj(Text) if each.get_text() and each.get_visible()]
    assert LONG in [" ".join(text.get_text().split()) for text in texts]
    labels = []
    for axes in figure.axes:
        # Not those of places beyond the ends of an axis, which are not drawn.
        labels += [axes.title, axes.xaxis.label, axes.yaxis.label]
        labels += [] if kind == "number" else axes.get_xticklabels()
    for text in [*labels, *figure.legends[0].get_texts(), figure._suptitle]:
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert box.x0 >= -1 and box.y0 >= -1, text
            assert box.x1 <= whole.x1 + 1 and box.y1 <= whole.y1 + 1, text
    named = [axes.xaxis.label for axes in figure.axes] + [axes.title for axes in figure.axes]
    boxes = [each.get_window_extent() for each in named if each.get_text()]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))

    # Panels beside each other are alike, and so are strips.
    sizes = {tuple(round(each) for each in axes.bbox.size) for axes in figure.axes}
    assert len(sizes) == 1 + strip
