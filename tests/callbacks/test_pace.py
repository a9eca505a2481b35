"""Speed and time left are of the recent past, without validations and with them."""

from __future__ import annotations

import pytest

from callbacks.pace import WINDOW, Pace


def test_nothing_is_known_before_two_times():
    pace = Pace(7)
    assert pace.steps_per_second is None and pace.seconds_for(10) is None
    pace.note(100.0, 8)
    assert pace.steps_per_second is None
    # An accumulated step is not done yet.
    pace.note(101.0, 8)
    assert pace.steps_per_second is None and pace.seconds_for(10) is None


def test_only_the_window_counts():
    pace, now, step = Pace(0), 0.0, 0
    for seconds, until in ((1.0, 30), (0.1, 500)):
        while step < until:
            now, step = now + seconds, step + 1
            pace.note(now, step)
            if step == 30:
                assert pace.steps_per_second == pytest.approx(1)
    assert now - 30 > 2 * WINDOW
    assert pace.steps_per_second == pytest.approx(10)
    assert pace.seconds_for(25) == pytest.approx(2.5)


def test_steps_longer_than_the_window():
    pace = Pace(0)
    for step in range(1, 5):
        pace.note(10 * WINDOW * step * step, step)
    assert pace.steps_per_second == pytest.approx(1 / (70 * WINDOW))


def test_validations_stop_the_clock_and_come_again():
    pace, now = Pace(100), 0.0
    for step in range(101, 131):
        now += 1
        if step % 10 == 0:
            pace.validated(20.0, step)
            now += 20
        pace.note(now, step)
    assert pace.steps_per_second == pytest.approx(1)
    assert pace.seconds_for(10) == pytest.approx(30)
