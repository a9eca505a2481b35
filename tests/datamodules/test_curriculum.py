"""The stages of a curriculum against a brute force over whole histories."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules import Curriculum
from datamodules.curriculum import Stages
from tests.climbing import lengths_by_force

FLAWLESS, SOLVED = (1.0, 0.5), (1.0, 0.125)
# Binary fractions add up without rounding.
steps_alike = st.tuples(
    st.sampled_from([SOLVED, SOLVED, SOLVED, (1.0, 0.25), FLAWLESS, (0.75, 0.0), (0.5, 2.0)]),
    st.integers(1, 9),
)
histories = st.lists(steps_alike, max_size=15).map(
    lambda parts: [shown for shown, count in parts for _ in range(count)]
)


@st.composite
def curricula(draw):
    window = draw(st.integers(1, 4))
    return Curriculum(
        start=draw(st.integers(2, 12)),
        growth=draw(st.sampled_from([1.01, 1.1, 1.25, 1.4, 2.0, 5.0])),
        window=window,
        loss=0.25,
        patience=draw(st.none() | st.integers(window, window + 6)),
        fall_back=draw(st.integers(1, 4)),
    )


def observed(stages, shown, first=0):
    for step, (accuracy, loss) in enumerate(shown, first):
        stages.observe(step, accuracy, loss)
    return stages


@given(curricula(), st.integers(0, 30), histories)
@settings(max_examples=400, derandomize=True, deadline=None)
def test_equals_brute_force(rules, more, shown):
    length = rules.start + more
    stages, expected = Stages(rules, length), lengths_by_force(rules, length, shown)
    for step, (accuracy, loss) in enumerate(shown):
        # A loader asks while the step before is still to be made.
        assert [stages.length_at(step), stages.length_at(step + 1)] == expected[step : step + 2]
        stages.observe(step, accuracy, loss)
    assert [stages.length_at(step) for step in range(len(expected))] == expected
    steps = range(len(expected))
    changes = [step for step in steps if step == 0 or expected[step] != expected[step - 1]]
    assert stages.entered == [(step, expected[step]) for step in changes]
    for step in range(len(expected)):
        assert stages.begins_at(step) == (step in changes)
        assert stages.is_task(step) == (expected[step] == length)


@given(curricula(), st.integers(0, 30), histories, st.data())
@settings(max_examples=200, derandomize=True, deadline=None)
def test_state_goes_on_where_it_was(rules, more, shown, data):
    cut = data.draw(st.integers(0, len(shown)))
    length = rules.start + more
    first, resumed = (Stages(rules, length) for _ in range(2))
    resumed.load_state_dict(observed(first, shown[:cut]).state_dict())
    observed(resumed, shown[cut:], cut)
    whole = observed(Stages(rules, length), shown)
    assert resumed.state_dict() == whole.state_dict()
    assert resumed.entered == whole.entered


def test_state_is_a_copy():
    stages = observed(Stages(Curriculum(window=2), 9), [SOLVED, FLAWLESS])
    state = stages.state_dict()
    observed(stages, [(1.0, 0.0)] * 9, 2)
    assert state == {
        "entered": [[0, 3]],
        "path": [3],
        "recent": [[1.0, 0.125], [1.0, 0.5]],
        "is_over": False,
    }


def test_up_and_down():
    """Written out: what a step shows changes the second one after it."""
    stages = Stages(Curriculum(2, growth=2, window=1, loss=0.25, patience=2, fall_back=1), 7)
    shown = [SOLVED, FLAWLESS, SOLVED, SOLVED, FLAWLESS, FLAWLESS, SOLVED, SOLVED]
    observed(stages, shown)
    assert stages.entered == [(0, 2), (2, 4), (4, 7), (7, 4), (9, 7)]
    # Solved at its whole length, it stays there.
    observed(stages, [FLAWLESS, SOLVED] + [FLAWLESS] * 90, 8)
    assert stages.entered[5:] == []


@pytest.mark.parametrize(
    ("growth", "length", "longer"),
    [(1.25, 3, 4), (1.25, 4, 5), (1.25, 5, 7), (1.1, 10, 11), (1.1, 110, 121), (1.0001, 3, 4)],
)
def test_grows_as_it_is_written(growth, length, longer):
    """In binary, 1.1 times 110 is more than 121."""
    stages = observed(Stages(Curriculum(length, growth, window=1), 10**6), [(1.0, 0.0)])
    assert stages.entered == [(0, length), (2, longer)]


def test_what_is_no_number_solves_nothing():
    stages = observed(Stages(Curriculum(window=1), 9), [(1.0, float("nan"))] * 9)
    assert stages.entered == [(0, 3)]


@pytest.mark.parametrize(
    ("name", "least"), [("start", 2), ("window", 1), ("fall_back", 1), ("patience", 7)]
)
def test_values_out_of_range(name, least):
    rules = Curriculum() if name == "window" else Curriculum(window=7)
    Stages(replace(rules, **{name: least}), 20)
    complaint = f"^data.curriculum.{name} must be at least {least}, got {least - 1}$"
    with pytest.raises(ValueError, match=complaint):
        Stages(replace(rules, **{name: least - 1}), 20)


@pytest.mark.parametrize(("name", "bound"), [("growth", 1), ("loss", 0)])
def test_bounds_are_not_reached(name, bound):
    Stages(replace(Curriculum(), **{name: bound + 1e-9}), 20)
    for value in (bound, bound - 1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=f"^data.curriculum.{name} must be above {bound}"):
            Stages(replace(Curriculum(), **{name: value}), 20)
