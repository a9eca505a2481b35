"""The stopwatch adds up what lies between start and stop."""

from __future__ import annotations

import time

from callbacks.stopwatch import Stopwatch


def test_adds_up_the_seconds_between_start_and_stop(clock):
    stopwatch = Stopwatch()
    clock.now += 5
    assert stopwatch.seconds == 0
    stopwatch.start()
    clock.now += 2
    assert stopwatch.seconds == 2
    stopwatch.stop()
    clock.now += 10
    assert stopwatch.seconds == 2
    stopwatch.start()
    clock.now += 3
    assert stopwatch.seconds == 5


def test_starting_or_stopping_twice_changes_nothing(clock):
    stopwatch = Stopwatch()
    stopwatch.stop()
    stopwatch.start()
    clock.now += 1
    stopwatch.start()
    clock.now += 1
    stopwatch.stop()
    clock.now += 1
    stopwatch.stop()
    assert stopwatch.seconds == 2


def test_goes_on_from_a_reset(clock):
    stopwatch = Stopwatch()
    stopwatch.start()
    clock.now += 1
    stopwatch.reset(100.0)
    clock.now += 1
    assert stopwatch.seconds == 100
    stopwatch.start()
    clock.now += 1
    assert stopwatch.seconds == 101


def test_measures_real_time():
    stopwatch = Stopwatch()
    stopwatch.start()
    time.sleep(0.05)
    stopwatch.stop()
    assert 0.05 <= stopwatch.seconds < 1
