"""One process at a time writes what a folder of a comparison sums up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here with this folder; where files cannot be locked, trust.

    Args:
        folder: that is there, and can be written.

    Raises:
        OSError: it cannot.
    """
    from filelock import FileLock

    lock = FileLock(folder / ".summary.lock")
    try:
        lock.acquire()
    except NotImplementedError:
        yield
        return
    try:
        yield
    finally:
        lock.release()
