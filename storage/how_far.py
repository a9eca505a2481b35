"""How far a run has come, in a small file for who waits for it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class HowFar(NamedTuple):
    """How far a run has come.

    Attributes:
        step: optimiser steps done.
        steps: at most; -1 if there is no end.
        accuracy: moving average of the training, from 0 to 1.
    """

    step: int
    steps: int
    accuracy: float


def note(file: Path, how_far: HowFar) -> None:
    """Replace what is in the file; a disk that is full is no reason to stop."""
    with suppress(OSError):
        file.write_text(f"{how_far.step} {how_far.steps} {how_far.accuracy:.4f}\n", "ascii")


def read(file: Path) -> HowFar | None:
    """What is in the file; None if nothing is, or it is just being written."""
    try:
        step, steps, accuracy = file.read_text("ascii").split()
        return HowFar(int(step), int(steps), float(accuracy))
    except (OSError, ValueError):
        return None
