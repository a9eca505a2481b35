"""One process at a time writes what concerns a folder as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here with this folder; where files cannot be locked, trust.

    Args:
        folder: that is there, and can be written. Not to be locked again in here.

    Raises:
        OSError: it cannot.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
