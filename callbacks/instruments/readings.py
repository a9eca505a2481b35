"""What an instrument has read so far: a table that grows while a run goes on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from storage.files import named, written_whole

logger = logging.getLogger(__name__)


class Readings:
    """A file of comma-separated values, a measurement after the other, each of a training step.

    Measurements are added at the end, so that one costs the same however many there are. What a
    dying process left of its last one is of a step after its last checkpoint, and so `cut_back`
    takes it away when the run is resumed.

    Args:
        file: where it is; made by the first measurement.
        columns: names of what stands after the step.
        texts: those of them that do not hold numbers.
    """

    def __init__(self, file: Path, columns: Sequence[str], texts: Iterable[str] = ()) -> None:
        self.file, self.columns, self.texts = file, tuple(columns), frozenset(texts)

    def add(self, step: int, rows: Iterable[Sequence[str | int | float]]) -> None:
        """Add a measurement; numbers keep the nine digits that single precision has."""
        lines = [f"{step},{','.join(map(_written, row))}\n" for row in rows]
        if not self.file.is_file():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            lines.insert(0, f"step,{','.join(self.columns)}\n")
        with named(self.file), self.file.open("a", encoding="utf-8") as file:
            file.write("".join(lines))
            file.flush()
            # A checkpoint must never know of more than is here.
            os.fsync(file.fileno())

    def cut_back(self, step: int) -> None:
        """Forget what was read after a step; and, with a word, what is broken of the rest."""
        lines = self._lines()
        broken = self._broken([*lines, self._half_a_line()])
        kept = [line for line in lines if (at := self._step(line)) is not None and at <= step]
        whole = [line for line in kept if self._step(line) not in broken]
        if len(whole) < len(kept) or any(self._step(line) is None for line in lines):
            logger.warning("%s is broken: what can be read of it is kept", self.file)
        if not whole:
            self.file.unlink(missing_ok=True)
        elif len(whole) < len(lines) or self._half_a_line():
            with written_whole(self.file) as file:
                file.write(f"step,{','.join(self.columns)}\n")
                file.writelines(whole)

    def _broken(self, lines: Sequence[str]) -> set[int | None]:
        """The steps of readings that may lack a line, as those beside one that is none."""
        steps = [self._step(line) for line in lines]
        broken: set[int | None] = set()
        for number, (line, step) in enumerate(zip(lines, steps, strict=True)):
            before = steps[number - 1] if number else None
            if line.endswith("\n") and step is None:
                beside = {before, *steps[number + 1 : number + 2]}
                # Where two lines have become one, the second may belong to another reading.
                own = {each for each in beside if line.startswith(f"{each},")}
                broken |= own if own and line.count(",") == len(self.columns) else beside
            elif line.startswith(f"{before},") and step is None:
                # The end of a file that was cut off; a dying process leaves that of another step.
                broken.add(before)
        return broken

    def _step(self, line: str) -> int | None:
        """The step of a line; None if it is not as it was written."""
        step, *cells = line.rstrip("\n").split(",")
        try:
            for column, cell in zip(self.columns, cells, strict=True):
                if column not in self.texts:
                    float(cell)
            return int(step) if line.endswith("\n") else None
        except ValueError:
            return None

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Step, and what stands after it, row by row."""
        for line in self._lines():
            step, *values = line.rstrip("\n").split(",")
            yield int(step), values

    def _lines(self) -> list[str]:
        """Below the header, the lines that have an end."""
        return [line for line in self._text()[1:] if line.endswith("\n")]

    def _half_a_line(self) -> str:
        """What is behind the last end of a line; '' if nothing is."""
        return "".join(line for line in self._text()[-1:] if not line.endswith("\n"))

    def _text(self) -> list[str]:
        if not self.file.is_file():
            return []
        with self.file.open(encoding="utf-8", errors="replace", newline="\n") as file:
            return file.readlines()


def _written(value: str | int | float) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)
