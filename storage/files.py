"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


@contextmanager
def written_whole(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file beside `path`, and move it there once it is written and on disk.

    What fails on the way leaves what was at `path` before, and a disk that is full as it was. A
    process that dies leaves a file beside it too, whose name ends in .unfinished, and which the
    next writing replaces.

    Raises:
        OSError: it cannot be written; the error has the name of the file.
    """
    unfinished = _unfinished(path)
    try:
        with named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open(mode, encoding=None if "b" in mode else "utf-8") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let an error of writing to a file have its name, which the system's own errors lack."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def read_at_most(file: IO[bytes], most: int, name: str) -> bytes:
    """The content of a file, or of a pipe or a device, which may have no end.

    Args:
        file: open.
        most: bytes that it may hold.
        name: of the file, for the error.

    Raises:
        ValueError: it holds more.
        OSError: it cannot be read.
    """
    content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{name} holds more than {most / 1e6:,.0f} MB: name a part of it")
    return content


def check_file(path: Path) -> None:
    """Make sure that `written_whole` can write a file, in a folder that is there; nothing is left.

    Raises:
        OSError: it cannot.
    """
    unfinished = _unfinished(path)
    try:
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except FileExistsError:
        # Another process may be writing it: it stays as it is.
        os.close(os.open(unfinished, os.O_WRONLY))
    else:
        unfinished.unlink()


def check_folder(path: Path) -> None:
    """Make sure that files can be put into a folder, or that it can be made; nothing is left.

    Raises:
        OSError: it cannot.
    """
    for each in (path, *path.absolute().parents):
        try:
            each.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        with tempfile.TemporaryFile(dir=each):
            return


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.unfinished")
