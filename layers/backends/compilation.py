"""How Python is compiled for the CPU it runs on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

# Products may be fused with sums, but nothing is reordered, and what is no number stays none. And
# nothing that is compiled makes an array: to count who uses one takes longer than a row of numbers.
OPTIONS: dict[str, Any] = {
    "fastmath": {"contract"},
    "error_model": "numpy",
    "nogil": True,
    "_nrt": False,
}


def kernel(function: Function) -> Function:
    """Compile on first use, and keep the compiled code on disk where there is a place for it."""
    try:
        compiled = njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        return njit(**OPTIONS)(function)  # type: ignore[no-any-return]
    cache = compiled._cache
    save = cache.save_overload

    def save_alone(signature: Any, data: Any) -> None:
        # Two processes that save different types at once might each name the other's code; and on
        # a disk that is full, what is compiled is of use all the same.
        with suppress(OSError), FileLock(Path(cache.cache_path) / "numba.lock"):
            save(signature, data)

    cache.save_overload = save_alone
    # What is compiled is made of other files too.
    cache._cache_file._source_stamp = (cache._cache_file._source_stamp, _stamp())
    found: Function = compiled
    return found


def part(function: Function) -> Function:
    """Compile as a part of the kernels that call it."""
    compiled: Function = njit(forceinline=True, **OPTIONS)(function)
    return compiled


def _stamp() -> tuple[tuple[str, int, float], ...]:
    """What changes with the source of what is compiled."""
    # Not those that an editor hides.
    files = sorted(Path(__file__).parent.glob("[!.]*.py"))
    return tuple((file.name, file.stat().st_size, file.stat().st_mtime) for file in files)
