"""How Python is compiled for the CPU it runs on."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from numba import config, njit
from numba.core import caching, event

from layers import compiling

if config.DISABLE_JIT:  # type: ignore[attr-defined]
    raise ImportError("numba's compiler is switched off, by the variable NUMBA_DISABLE_JIT")

Function = TypeVar("Function", bound=Callable[..., Any])

# Products may be fused with sums, but nothing is reordered, and what is no number stays none. And
# nothing that is compiled makes an array: to count who uses one takes longer than a row of numbers.
OPTIONS: dict[str, Any] = {
    "fastmath": {"contract"},
    "error_model": "numpy",
    "nogil": True,
    "_nrt": False,
}


# Its functions say nothing of their types.
FILES: Any = caching.IndexDataCacheFile


class CheckedFiles(FILES):  # type: ignore[misc]
    """Files of compiled code that end in a checksum, since a changed bit would be carried out.

    Without the right one, a file counts as not there.
    """

    @contextmanager
    def _open_for_write(self, path: str) -> Iterator[Any]:
        with super()._open_for_write(path) as file:
            yield file
            file.flush()
            file.write(_checksum(Path(file.name).read_bytes()))

    def _load_index(self) -> Any:
        return super()._load_index() if _is_whole(self._index_path) else {}

    def _load_data(self, name: str) -> Any:
        if not _is_whole(self._data_path(name)):
            # Which numba takes for a file that has been removed.
            raise OSError(f"{name} is broken")
        return super()._load_data(name)


def _is_whole(path: str) -> bool:
    try:
        content = Path(path).read_bytes()
    except OSError:
        return False
    return content[-4:] == _checksum(content[:-4])


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")


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
    stamp = (cache._cache_file._source_stamp, _stamp())
    cache._cache_file = CheckedFiles(cache.cache_path, cache._impl.filename_base, stamp)
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


class _Compilations(event.Listener):
    """Hears of all that numba compiles, the parts of a kernel within the kernel itself."""

    def __init__(self) -> None:
        self.depth, self.began = 0, 0.0

    def on_start(self, happening: Any) -> None:
        self.depth += 1
        if self.depth == 1:
            self.began = time.monotonic()
            compiling.begins(happening.data["dispatcher"].__name__)

    def on_end(self, happening: Any) -> None:
        self.depth -= 1
        if self.depth == 0:
            compiling.ends(time.monotonic() - self.began)


event.register("numba:compile", _Compilations())  # type: ignore[no-untyped-call]
