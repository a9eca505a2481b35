"""What the tests of comparisons share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comparison.engine_local import LocalEngine
from comparison.grid import Run
from comparison.one_run import Task


@pytest.fixture
def engine(start_process) -> Iterator[LocalEngine]:
    """Two workers, forked from the same process as those of all tests."""
    engine = LocalEngine(2)
    yield engine
    engine.kill()


@pytest.fixture
def task_of(small_config, tmp_path, monkeypatch):
    """A run of the small config, in a comparison's folder."""
    monkeypatch.chdir(tmp_path)
    folder = Path("comparison")
    folder.mkdir()
    (folder / "config.yaml").write_text(small_config.read_text())

    def make(model: str = "RRN", seed: int = 0, **settings: str) -> Task:
        flags = tuple((name.replace("__", "."), value) for name, value in settings.items())
        return Task(folder, Run(model, flags, seed), {}, None)

    return make
