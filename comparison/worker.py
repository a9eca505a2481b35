"""A process that carries out one task after the other, and imports but once what they need."""

from __future__ import annotations

import glob
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

# What a run that was told to stop may take to end its step and to write its checkpoint.
SECONDS_TO_STOP = 300.0
# A function, and what it is called with.
Call = tuple[Callable[..., Any], tuple[Any, ...]]


def serve(calls: Connection, answers: Connection, number: int) -> None:
    """Answer calls until there are no more.

    When whoever calls is gone, or hangs up, the run that is under way writes a checkpoint and the
    process ends.

    Args:
        calls: of functions that can be pickled, and their arguments.
        answers: to them: whether the function returned, and what; or the error that it raised.
        number: of the worker, from 0, which says on which of several GPUs it computes.
    """
    # A terminal's Ctrl-C, or its end, goes to all processes; who calls decides what becomes of it.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _take_gpu(number)
    waiting: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(calls, waiting), daemon=True).start()
    while (call := waiting.get()) is not None:
        function, arguments = call
        try:
            answer: tuple[bool, Any] = (True, function(*arguments))
        except Exception as error:
            answer = (False, f"{type(error).__name__}: {error}")
        try:
            answers.send(answer)
        except OSError:
            # Nobody is left to hear it.
            break
    # Without waiting for what a library may have left running.
    os._exit(0)


def _listen(calls: Connection, waiting: queue.SimpleQueue[Call | None]) -> None:
    try:
        while True:
            waiting.put(calls.recv())
    except (EOFError, OSError):
        pass
    waiting.put(None)
    # Between two steps of a training it is noted, and leads to a checkpoint; else it ends this
    # process, which has nothing to lose then.
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_STOP)
    os._exit(1)


def _take_gpu(number: int) -> None:
    """Let workers share the GPUs that there are in turn; each run takes the first that it sees."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        gpus = [str(each) for each in range(len(glob.glob("/dev/nvidia[0-9]*")))]
    else:
        gpus = [each for each in visible.split(",") if each]
    if len(gpus) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
