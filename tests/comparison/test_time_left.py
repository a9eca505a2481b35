"""What is expected of the runs ahead, reckoned by hand."""

from __future__ import annotations

import pytest

from comparison.grid import Run
from comparison.time_left import Forecast


def run(model: str, length: int | None = None, seed: int = 0, **settings: str) -> Run:
    lengths = () if length is None else (("data.length", str(length)),)
    return Run(model, (*lengths, *settings.items()), seed)


def test_nothing_is_known_before_the_first_has_ended():
    assert Forecast(2).left([run("RNN")], {}) is None


def test_other_seeds_take_as_long_two_at_a_time():
    forecast = Forecast(2)
    forecast.note(run("RNN", 5, seed=0), 10)
    forecast.note(run("RNN", 5, seed=1), 20)
    waiting = [run("RNN", 5, seed) for seed in (2, 3, 4)]
    assert forecast.left(waiting, {}) == pytest.approx(3 * 15 / 2)
    assert forecast.left(waiting, {run("RNN", 5, 5): 9}) == pytest.approx((3 * 15 + 6) / 2)
    # One that takes longer than expected is not due yesterday.
    assert forecast.left(waiting, {run("RNN", 5, 5): 99}) == pytest.approx(3 * 15 / 2)


def test_a_long_run_takes_its_time_whatever_runs_beside_it():
    forecast = Forecast(4)
    forecast.note(run("RNN", 10), 10)
    assert forecast.left([run("RNN", 10), run("RNN", 100)], {}) == pytest.approx(100)
    assert forecast.left([], {}) == 0


def test_other_lengths_are_scaled_from_the_nearest():
    forecast = Forecast(1)
    forecast.note(run("RNN", 5), 1)
    forecast.note(run("RNN", 20), 8)
    assert forecast.left([run("RNN", 40)], {}) == pytest.approx(16)
    assert forecast.left([run("RNN", 10)], {}) == pytest.approx(2)
    # What is known of the length itself needs no scaling.
    forecast.note(run("RNN", 40), 50)
    assert forecast.left([run("RNN", 40)], {}) == pytest.approx(50)


def test_the_same_architecture_says_more_than_another_and_the_same_settings_most():
    forecast = Forecast(1)
    forecast.note(run("RNN", 5, size="8"), 1)
    assert forecast.left([run("LSTM", 10, size="16")], {}) == pytest.approx(2)
    forecast.note(run("LSTM", 5, size="8"), 4)
    assert forecast.left([run("LSTM", 10, size="16")], {}) == pytest.approx(8)
    forecast.note(run("LSTM", 20, size="16"), 40)
    assert forecast.left([run("LSTM", 10, size="16")], {}) == pytest.approx(20)


def test_without_lengths_settings_are_not_scaled():
    forecast = Forecast(1)
    forecast.note(run("GCN", size="8"), 1)
    forecast.note(run("GCN", size="16"), 3)
    assert forecast.left([run("GCN", size="32"), run("GCN", size="16")], {}) == pytest.approx(5)
