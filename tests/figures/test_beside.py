"""Points of others are hollow, and seen where they lie upon a line or upon each other."""

from __future__ import annotations

from figures.beside import Points
from figures.comparisons import Series, draw_against_number

PANELS = {"": [Series(name, {5: [1.0], 10: [1.0]}) for name in ("RNN", "LSTM")]}


def drawn(*beside: Points):
    figure = draw_against_number(PANELS, "", "", "", limits=(0.0, 1.0), beside={"": beside})
    (axes,) = figure.axes
    return {line.get_label(): line for line in axes.lines}


def test_hollow_in_the_look_of_its_group():
    lines = drawn(Points("theirs", "LSTM", [(5, 0.2), (7, 1.0)]))
    theirs, ours = lines["theirs"], lines["LSTM"]
    assert theirs.get_xydata().tolist() == [[5, 0.2], [7, 1.0]]
    assert theirs.get_markerfacecolor() == "none" and theirs.get_linestyle() == "None"
    assert (theirs.get_color(), theirs.get_marker()) == (ours.get_color(), ours.get_marker())


def test_around_the_markers_that_they_lie_upon():
    lines = drawn(Points("a", "RNN", [(5, 1.0)]), Points("b", "LSTM", [(5, 1.0)]))
    assert lines["RNN"].get_markersize() < lines["a"].get_markersize()
    assert lines["a"].get_markersize() < lines["b"].get_markersize()
    assert all(lines[name].get_zorder() > lines["LSTM"].get_zorder() for name in "ab")
    # At the top of a panel they are whole.
    assert not lines["a"].get_clip_on()


def test_like_no_group():
    lines = drawn(Points("a", "", [(5, 1.0)]), Points("b", "", [(5, 1.0)]))
    assert len({line.get_marker() for line in lines.values()}) == 4
    ours = {lines[name].get_color() for name in ("RNN", "LSTM")}
    assert not ours & {lines[name].get_color() for name in "ab"}
