"""One process at a time; where files cannot be locked, trust."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"


def taken(descriptor: int, wait: bool = False, shared: bool = False) -> bool:
    """Take a file for this process until it closes it, or ends.

    Args:
        descriptor: of the file, open for writing.
        wait: until nobody else has it.
        shared: with others that take it so; in place of what this process had of it before.

    Returns:
        Whether it is this process's: false while another one has it.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        # The file system knows no locks.
        pass
    return True


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here with this folder, which is there and can be written.

    Not to be called again in here.

    Raises:
        OSError: the folder cannot be written.
    """
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        taken(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)
