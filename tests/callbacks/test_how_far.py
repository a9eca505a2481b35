"""How far a run has come is noted while it trains, and no longer."""

from __future__ import annotations

import pytest

from callbacks import Convergence, HowFarNoted
from storage.how_far import HowFar, read


def test_step_and_accuracy_every_two_seconds(fit, scripted, clock, tmp_path):
    file, seen = tmp_path / "how_far", []

    def look(number):
        seen.append(read(file))
        clock.now += 0.75

    convergence = Convergence(window=2)
    noted = HowFarNoted(file, convergence)
    fit(scripted([0.5, 1, 0, 0.5, 1, 0], at_batch=look), convergence, noted, max_steps=6)
    first, second = HowFar(1, 6, 0.5), HowFar(4, 6, 0.25)
    assert seen == [None, first, first, first, second, second]
    assert not file.exists()


def test_nothing_is_left_of_a_run_that_fails(fit, scripted, tmp_path):
    def fail(number):
        if number == 3:
            raise RuntimeError("out of luck")

    file, convergence = tmp_path / "how_far", Convergence()
    with pytest.raises(RuntimeError):
        fit(scripted(at_batch=fail), convergence, HowFarNoted(file, convergence))
    assert not file.exists()
