"""Compiled code is kept on disk where there is a place for it, and made each time elsewhere."""

import importlib.util
import sys

import numpy as np
import pytest

from layers.backends.cells import CELLS

SOURCE = """
from layers.backends.kernels import kernel

@kernel
def double(numbers):
    for j in range(len(numbers)):
        numbers[j] *= 2
"""


@pytest.fixture
def doubling(tmp_path):
    """A module with a kernel, in a folder of its own."""
    source = tmp_path / "doubling.py"
    source.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("doubling", source)
    module = importlib.util.module_from_spec(spec)
    sys.modules["doubling"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["doubling"]


def test_it_is_kept_beside_the_source(doubling, tmp_path):
    numbers = np.ones(3)
    doubling.double(numbers)
    assert numbers.tolist() == [2, 2, 2]
    assert list(tmp_path.rglob("doubling.double-*.nbc"))


def test_a_full_disk_costs_only_the_copy(doubling, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(doubling.double._cache._cache_file), "save", fail)
    numbers = np.ones(3)
    doubling.double(numbers)
    assert numbers.tolist() == [2, 2, 2]
    assert not list(tmp_path.rglob("doubling.double-*.nbc"))


def test_it_is_made_each_time_where_there_is_no_place_for_it():
    # Of what is not in a file nothing can be kept.
    names = {}
    exec(SOURCE, names)
    numbers = np.ones(3)
    names["double"](numbers)
    assert numbers.tolist() == [2, 2, 2]


def test_all_kernels_are_compiled_code():
    for cell in CELLS.values():
        assert hasattr(cell.forward, "py_func") and hasattr(cell.backward, "py_func")
