"""Tables of what was measured, on the terminal and in RESULTS.md."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "RESULTS.md"


class Table:
    """A table of Markdown that is printed row by row.

    Args:
        title: above it.
        columns: their names.
    """

    def __init__(self, title: str, columns: Sequence[str]) -> None:
        self.widths = [max(6, len(name)) for name in columns]
        self.lines = [title, "", self._line(columns), self._line(["---"] * len(columns))]
        print("\n" + "\n".join(self.lines), flush=True)

    def add(self, cells: Sequence[str]) -> None:
        """Print a row."""
        self.lines.append(self._line(cells))
        print(self.lines[-1], flush=True)

    def _line(self, cells: Sequence[str]) -> str:
        padded = (cell.rjust(width) for cell, width in zip(cells, self.widths, strict=True))
        return f"| {' | '.join(padded)} |"


def save(name: str, *tables: Table) -> None:
    """Add tables to RESULTS.md, with the machine, the versions and the day.

    Args:
        name: of the benchmark.
        tables: that it has made.
    """
    heading = f"## {name}, {processor()}, {date.today()}"
    versions = f"torch {torch.__version__}, numba {version('numba')}, "
    versions += f"Python {platform.python_version()}"
    parts = [heading, versions, *("\n".join(table.lines) for table in tables)]
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n\n".join(parts) + "\n")


def processor() -> str:
    """The GPU, or else the CPU, by name."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
