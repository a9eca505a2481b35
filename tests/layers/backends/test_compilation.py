"""Compiled code is kept on disk where there is a place for it, and made each time elsewhere."""

import importlib.util
import sys

import numba
import numpy as np
import pytest

from layers.backends import compilation
from layers.backends.cells import CELLS

SOURCE = """
from layers.backends.compilation import kernel

@kernel
def double(numbers):
    for j in range(len(numbers)):
        numbers[j] *= 2
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads a module with a kernel, from a folder of its own."""
    # Beside the source, whatever folder is set.
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    source = tmp_path / "doubling.py"
    source.write_text(SOURCE)

    def load():
        spec = importlib.util.spec_from_file_location("doubling", source)
        module = importlib.util.module_from_spec(spec)
        sys.modules["doubling"] = module
        spec.loader.exec_module(module)
        return module

    yield load
    sys.modules.pop("doubling", None)


@pytest.fixture
def doubling(load):
    return load()


def test_it_is_kept_beside_the_source(doubling, tmp_path):
    numbers = np.ones(3)
    doubling.double(numbers)
    assert numbers.tolist() == [2, 2, 2]
    assert list(tmp_path.rglob("doubling.double-*.nbc"))


def test_it_is_made_again_once_its_parts_have_changed(load, monkeypatch):
    def hits():
        """How often compiled code was found, of 1."""
        module = load()
        module.double(np.ones(3))
        return sum(module.double.stats.cache_hits.values())

    assert [hits(), hits()] == [0, 1]
    monkeypatch.setattr(compilation, "_stamp", lambda: ("blas.py", 1, 2.0))
    assert [hits(), hits()] == [0, 1]


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_broken_copy_counts_as_none(ending, load, tmp_path):
    load().double(np.ones(3))
    (file,) = tmp_path.rglob(f"doubling.double-*.{ending}")
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    for broken in (whole[: len(whole) // 2], bytes(changed)):
        file.write_bytes(broken)
        for hits in (0, 1):
            module, numbers = load(), np.ones(3)
            module.double(numbers)
            assert numbers.tolist() == [2, 2, 2]
            assert sum(module.double.stats.cache_hits.values()) == hits


def test_its_parts_are_all_files_beside_it():
    names = [name for name, *_ in compilation._stamp()]
    assert {"blas.py", "elementary.py", "kernels.py", "walking.py"} <= set(names)


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
        assert hasattr(cell.forwards, "py_func") and hasattr(cell.backwards, "py_func")
