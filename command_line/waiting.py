"""What a person is told who waits for a command other than `fit`, which has a bar of its own."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

from command_line.processes import is_main_process


def compiling_is_told() -> AbstractContextManager[None]:
    """Within, a terminal is told of code that is compiled: on standard error, beside the result."""
    stream = sys.stderr
    if stream is None or not stream.isatty() or not is_main_process():
        return nullcontext()
    # Heavy, so that it waits until it is needed.
    from layers.compiling import heard_by

    return heard_by(lambda piece: print(piece, end="", file=stream, flush=True))
