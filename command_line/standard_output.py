"""Writing what people pass on to other programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from command_line.errors import UsageError


@contextmanager
def standard_output() -> Iterator[None]:
    """Write to the standard output, whose reader may have had enough at any time, as `head` has.

    Raises:
        UsageError: it cannot be written for any other reason.
    """
    if sys.stdout is None:
        raise UsageError("there is no standard output to write to")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _write_nowhere()
    except OSError as error:
        _write_nowhere()
        raise UsageError(f"the standard output cannot be written: {error.strerror}") from None


def _write_nowhere() -> None:
    # What is still unwritten must go somewhere, or Python complains when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
