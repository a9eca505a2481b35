"""The state of a whole grid in a line."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from comparison import display as module
from comparison.display import Display
from comparison.grid import Run


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time in seconds, to be set."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def shown(display: Display) -> str:
    return display.console.file.getvalue()


def test_done_running_failed_and_the_time_left():
    display = Display(12, finished=2, failed=1, console=Console(file=io.StringIO(), width=80))
    with display:
        assert display.words() == "2 of 12 done, 0 running, 1 failed"
        display.finished = 5
        display.running = {Run("RNN", (), 0): 0.0, Run("RNN", (), 1): 0.0}
        display.seconds_left = lambda: 119.6
        assert display.words() == "5 of 12 done, 2 running, 1 failed, about 0:02:00 left"
        # Nothing is known of a run that takes longer than expected.
        display.seconds_left = lambda: 0.0
        assert display.words() == "5 of 12 done, 2 running, 1 failed"


def test_a_log_gets_a_line_now_and_then(clock):
    display = Display(3, 0, 0, console=Console(file=io.StringIO(), width=80))
    with display:
        display.show()
        for _ in range(20):
            clock[0] += 1
            display.finished = min(3, display.finished + 1)
            display.show()
    lines = shown(display).splitlines()
    assert lines == ["0 of 3 done, 0 running", "3 of 3 done, 0 running"]


def test_a_terminal_gets_a_bar_in_80_columns_twice_a_second(clock):
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    display = Display(10000, finished=3000, failed=1000, console=console)
    display.running = {Run("RNN", (), seed): 0.0 for seed in range(16)}
    with display:
        display.seconds_left = lambda: 100_000.0
        clock[0] += 5
        display.show()
        drawn = len(shown(display))
        clock[0] += 0.4
        display.show()
        assert len(shown(display)) == drawn
        clock[0] += 0.2
        display.show()
        assert len(shown(display)) > drawn
        display.say("failed: [RNN/seed=3]: no luck")
    text = shown(display)
    assert "failed: [RNN/seed=3]: no luck" in text
    assert "3000 of 10000 done, 16 running, 1000 failed, about " in text
    lines = text.replace("\r", "\n").splitlines()
    assert max(map(len, lines)) < 100
