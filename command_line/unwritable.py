"""Disks that are full and folders that are gone: what is told, and with which exit code."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from command_line.errors import UsageError

# A disk takes no more, and what is to be done about it; nothing is wrong with the command.
FULL = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room within the quota",
    errno.EFBIG: "lift the limit on the size of files (ulimit -f)",
    errno.EIO: "see to the disk",
}
# Whatever else may become of a place that could be written to before.
MIDWAY = {
    **FULL,
    errno.EROFS: "make it writable again",
    errno.EACCES: "make it writable again",
    errno.EPERM: "make it writable again",
    errno.ENOENT: "put it back",
    errno.ENOTDIR: "put it back",
    errno.ESTALE: "mount it again",
    errno.EISDIR: "move away what is in its place",
    errno.EEXIST: "move away what is in its place",
}


# Between what is wrong with a place, and how to go on.
THEN = "; then "


class Unwritable(Exception):
    """What has been begun cannot be kept any more. Ends the program with exit code 1."""


def cannot_write(place: Path, error: OSError, wrong: str) -> UsageError | Unwritable:
    """Why a command cannot write to where it was told to.

    Args:
        place: the file or folder.
        error: that came of it.
        wrong: what to say of a place that is wrong, and not only full.
    """
    if error.errno in FULL:
        return Unwritable(f"{told(error, place)}{THEN}give the same command again")
    return UsageError(wrong)


def concerns(error: OSError, folder: Path) -> bool:
    """Whether an error is about writing to a folder that could be written to before."""
    names_another = error.filename and not Path(error.filename).is_relative_to(folder)
    return error.errno in MIDWAY and not names_another


def told(error: OSError, place: Path) -> str:
    """Which file cannot be written and why, on which disk, and what to do there.

    Args:
        error: one of MIDWAY.
        place: the folder that was written to, for an error that does not say.
    """
    # Where an error names two files, the second is where the first was to go.
    file = error.filename2 or error.filename or place
    return (
        f"cannot write {file}: {error.strerror}, on the disk at {_disk_of(Path(file))}: "
        f"{MIDWAY[error.errno or errno.EIO]}"
    )


def _disk_of(path: Path) -> Path:
    """Where the disk is mounted that a path is on."""
    path = path.absolute()
    while not os.path.ismount(path) and path != path.parent:
        path = path.parent
    return path
