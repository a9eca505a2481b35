"""The figure of a curriculum's stages."""

from __future__ import annotations

from figures.stages import draw_stages
from tests.figures.test_curves import png_of

STAGES = [(0, 3), (20, 4), (31, 5), (60, 3)]


def test_draws_each_stage_from_its_first_step_on():
    (axes,) = draw_stages(STAGES, 80, 9).axes
    way, task = axes.lines
    assert way.get_drawstyle() == "steps-post"
    assert way.get_xydata().tolist() == [[0, 3], [20, 4], [31, 5], [60, 3], [80, 3]]
    assert {*task.get_ydata()} == {9} and task.get_label() == "the task"
    assert axes.get_yscale() == "log" and axes.get_title()
    assert axes.get_xlabel() == "training step" and axes.get_ylabel() == "digits to read"


def test_leaves_out_what_was_not_reached():
    (axes,) = draw_stages(STAGES, 31, 9).axes
    assert axes.lines[0].get_xydata().tolist() == [[0, 3], [20, 4], [31, 4]]


def test_can_be_drawn_before_the_first_step_too():
    figure = draw_stages(STAGES, 0, 9)
    assert figure.axes[0].lines[0].get_ydata().tolist() == [3, 3]
    assert png_of(figure).size[0] > 300
