"""What processes of the tests do in place of a run, or before it."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from comparison.one_run import Outcome, Task, carry_out
from tests.resuming import signal_at


def divided(one: float, other: float) -> float:
    return one / other


def process_and_imports() -> tuple[int, bool]:
    """This process, and whether it has imported what a run needs."""
    return os.getpid(), "command_line.cli" in sys.modules


def end_by(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def sleep_and_write(file: Path, seconds: float) -> None:
    time.sleep(seconds)
    file.write_text(str(os.getpid()))


def note_sigterm(file: Path) -> None:
    """As a training does: note it, and end what is under way."""
    noted: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: noted.append(number))
    file.with_suffix(".begun").write_text(str(os.getpid()))
    while not noted:
        time.sleep(0.01)
    file.write_text("ended")


def killed_once(task: Task) -> Outcome:
    """A run of seed 1 whose process is killed at step 33, when it is tried for the first time."""
    tried = task.folder / "tried"
    if task.run.seed == 1 and not tried.exists():
        tried.touch()
        signal_at(33, signal.SIGKILL)
    return carry_out(task)


def always_killed(task: Task) -> Outcome:
    """A run of seed 1 whose process is always killed."""
    if task.run.seed == 1:
        with (task.folder / "tries").open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    return carry_out(task)


def terminated_once(task: Task) -> Outcome:
    """A run of seed 1 that somebody stops, though not the comparison."""
    tried = task.folder / "tried"
    if task.run.seed == 1 and not tried.exists():
        tried.touch()
        signal_at(33, signal.SIGTERM)
    return carry_out(task)


slow = partial(time.sleep, 60)
