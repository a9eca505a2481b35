"""Whether a zip archive, such as a checkpoint, is still as it was written."""

from __future__ import annotations

import zipfile
from pathlib import Path


class Broken(Exception):
    """A file is not, or no longer, what it should be.

    Args:
        path: of the file.
        reason: in one line.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is broken: {reason}")
        self.reason = reason


def check_archive(path: Path) -> None:
    """Compare what is in an archive, which is not compressed, with the checksums that are there.

    It takes no more memory than a buffer, and no longer than reading the file.

    Raises:
        Broken: they differ, or the file is no such archive.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                changed = archive.testzip() or _ambiguous(archive.infolist())
        except Exception as error:
            # What reading a changed header can end in has no end of names.
            raise Broken(path, first_line(error)) from None
    if changed:
        raise Broken(path, f"{changed!r} in it is not what was written")


def first_line(error: Exception) -> str:
    """What an exception says, or its name if it says nothing."""
    return str(error).split("\n")[0] or type(error).__name__


def _ambiguous(entries: list[zipfile.ZipInfo]) -> str | None:
    """The name of an entry whose size is told in two ways: another reader may take the other."""
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            return entry.filename
    return None
