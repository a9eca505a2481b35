"""What an instrument has read so far: a table that grows while a run goes on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from storage.files import named, written_whole


class Readings:
    """A file of comma-separated values, a measurement after the other, each of a training step.

    Measurements are added at the end, so that one costs the same however many there are. What a
    dying process left of its last one is of a step after its last checkpoint, and so `cut_back`
    takes it away when the run is resumed.

    Args:
        file: where it is; made by the first measurement.
        columns: names of what stands after the step.
    """

    def __init__(self, file: Path, columns: Sequence[str]) -> None:
        self.file, self.columns = file, tuple(columns)

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
        """Forget what was read after a step."""
        lines = self._lines()
        kept = [line for line in lines if int(line.partition(",")[0]) <= step]
        if not kept:
            self.file.unlink(missing_ok=True)
        elif len(kept) < len(lines) or not self._ends_well():
            with written_whole(self.file) as file:
                file.write(f"step,{','.join(self.columns)}\n")
                file.writelines(kept)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Step, and what stands after it, row by row."""
        for line in self._lines():
            step, *values = line.rstrip("\n").split(",")
            yield int(step), values

    def _lines(self) -> list[str]:
        if not self.file.is_file():
            return []
        with self.file.open(encoding="utf-8") as file:
            # Half a line has no end.
            return [line for line in file if line.endswith("\n")][1:]

    def _ends_well(self) -> bool:
        return self.file.read_bytes().endswith(b"\n")


def _written(value: str | int | float) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)
