"""What is printed: its reader may go away at any time, as `head` does, or its disk be full."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from command_line.errors import UsageError


class Forgiving(io.FileIO):
    """A file descriptor that raises nothing: what cannot be written is lost.

    Attributes:
        strict: raise it all the same.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.strict = False

    def write(self, data: Any) -> int:
        try:
            while (written := super().write(data)) is None:
                # A pipe that does not block, and whose reader is slow.
                select.select([], [self], [])
        except OSError:
            if self.strict:
                raise
            return len(data)
        return written


@contextmanager
def forgiving_streams() -> Iterator[None]:
    """Let no reader that goes away, no closed terminal and no full disk end what prints in here.

    What others have put in place of the streams, such as a notebook, is left alone.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # It is closed; the next file that is opened would take its place, and be printed to.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    kept = sys.stdout, sys.stderr
    # Without a standard error, `print` would take the standard output for it.
    out, err = _forgiving(sys.stdout), _forgiving(sys.stderr) or _opened(2)
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        for stream in filter(None, (out, err)):
            stream.flush()
        sys.stdout, sys.stderr = kept


@contextmanager
def standard_output() -> Iterator[None]:
    """Write what a command is given for to the standard output: where that fails, the command ends.

    A reader that has had enough ends it too, but is no mistake.

    Raises:
        UsageError: it cannot be written for any other reason.
    """
    if sys.stdout is None:
        raise UsageError("there is no standard output to write to")
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, Forgiving):
        raw.strict = True
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        raise UsageError(f"the standard output cannot be written: {error.strerror}") from None
    finally:
        if isinstance(raw, Forgiving):
            raw.strict = False


def _forgiving(stream: TextIO | None) -> TextIO | None:
    """A stream to the same place, if it is one of Python's own."""
    if type(stream) is not io.TextIOWrapper:
        return stream
    with suppress(OSError):
        stream.flush()
    return _opened(
        stream.fileno(),
        encoding=stream.encoding,
        # An encoding that lacks a character shows another one.
        errors=stream.errors if stream.errors == "backslashreplace" else "replace",
        line_buffering=stream.line_buffering or stream.write_through,
    )


def _opened(descriptor: int, **settings: Any) -> TextIO:
    return io.TextIOWrapper(io.BufferedWriter(Forgiving(descriptor)), **settings)
