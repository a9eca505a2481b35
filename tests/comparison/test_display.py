"""The state of a whole grid, and of each of its runs."""

from __future__ import annotations

import io
import re

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


def test_a_log_gets_lines_at_growing_intervals_and_sooner_when_a_run_ends(clock):
    display = Display(3, 0, 0, console=Console(file=io.StringIO(), width=80))
    display.how_far = lambda run: f"step {clock[0]:.0f}"
    display.running = {Run("RNN", (), 0): 0.0}
    told = {}
    with display:
        for second in range(1000, 2000):
            clock[0] = second
            if second == 1900:
                display.finished += 1
            before = len(shown(display))
            display.show()
            if len(shown(display)) > before:
                told[second] = shown(display)[before:].splitlines()
    assert [*told] == [1000, 1010, 1030, 1070, 1150, 1310, 1630, 1910, 1920, 1940, 1980]
    assert told[1310] == ["0 of 3 done, 1 running", "  RNN/seed=0  step 1310"]
    assert told[1910][0] == "1 of 3 done, 1 running"


def test_each_run_that_is_under_way_is_shown_with_its_numbers():
    names = ["5", "100", "1" * 60]
    runs = [Run("RNN", (("data.length", name),), 0) for name in names]
    display = Display(12, 0, 0, console=Console(file=io.StringIO(), width=80))
    display.running = dict.fromkeys(runs, 0.0)
    display.how_far = lambda run: "step  30/600  accuracy 0.561" if run == runs[1] else "begins"
    assert display.runs(60) == [
        "  RNN/length=5,seed=0           begins",
        "  RNN/length=100,seed=0         step  30/600  accuracy 0.561",
        "  RNN/length=111…111111,seed=0  begins",
    ]
    assert display.runs(40)[1] == "  RNN/le…eed=0  step  30/600  accuracy 0.561"
    display.running = dict.fromkeys((Run("RNN", (), seed) for seed in range(20)), 0.0)
    assert len(display.runs(80)) == 9 and display.runs(80)[-1] == "  and 12 more"
    display.running = {}
    assert display.runs(80) == []


@pytest.mark.parametrize("width", [80, 60, 40])
def test_a_terminal_gets_a_bar_twice_a_second(width, clock):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    display = Display(10000, finished=3000, failed=1000, console=console)
    display.running = {Run("RNN", (), seed): 0.0 for seed in range(16)}
    display.how_far = lambda run: "step 1/9"
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
    assert "failed: [RNN/seed=3]: no luck" in text and "RNN/seed=7  step 1/9" in text
    assert "3000 of 10000 done, 16 running" in text
    assert ("about 1 day" in text) == (width == 80)
    lines = re.split(r"\x1b\[[\d;?]*[A-Za-z]|[\r\n]+", text)
    assert max(map(len, lines)) <= width and "…" not in text
