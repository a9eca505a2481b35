"""Runs side by side in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from comparison.engine import Answer
from comparison.worker import serve

# Whatever a run imports, with seconds of Lightning behind it.
PRELOADED = ["command_line.cli", "tensorboard", "torch.utils.tensorboard"]
SECONDS_TO_END = 10.0


@dataclass
class Worker:
    """A process, the ends of the pipes to it and from it, and the call that it is busy with."""

    process: BaseProcess
    calls: Connection
    answers: Connection
    key: Any = None
    is_busy: bool = False


class LocalEngine:
    """Workers of this machine, each a process of its own.

    They are forked from one process that has imported everything and done nothing, so that
    imports are paid once for all of them, and one that replaces a dead one is there at once.

    Args:
        jobs: how many calls may be under way at once.
        method: to start processes, of `multiprocessing`; None for the best that there is.
    """

    def __init__(self, jobs: int, method: str | None = None) -> None:
        self.jobs = jobs
        methods = multiprocessing.get_all_start_methods()
        method = method or ("forkserver" if "forkserver" in methods else "spawn")
        # Which of several kinds it is, types cannot tell.
        self.context: Any = multiprocessing.get_context(method)
        if self.context.get_start_method() == "forkserver":
            # Torch may only be asked for GPUs in this way before a process is forked.
            os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
            self.context.set_forkserver_preload(PRELOADED)
        self.workers: dict[int, Worker] = {}

    @property
    def idle(self) -> int:
        return self.jobs - self.busy

    @property
    def busy(self) -> int:
        return sum(worker.is_busy for worker in self.workers.values())

    def start(self, key: Any, function: Callable[..., Any], *arguments: Any) -> None:
        for number in range(self.jobs):
            if number not in self.workers:
                self.workers[number] = self._new(number)
            worker = self.workers[number]
            if not worker.is_busy:
                break
        worker.key, worker.is_busy = key, True
        # If it has died while it was idle, `wait` tells.
        with suppress(OSError):
            worker.calls.send((function, arguments))

    def wait(self, seconds: float) -> list[Answer]:
        workers = {worker.answers: number for number, worker in self.workers.items()}
        found = []
        for connection in wait(list(workers), seconds):
            number = workers[connection]  # type: ignore[index]
            worker = self.workers[number]
            try:
                returned, value = worker.answers.recv()
            except (EOFError, OSError):
                answer = Answer(worker.key, death=self._bury(number))
                if worker.is_busy:
                    found.append(answer)
                continue
            worker.is_busy = False
            found.append(
                Answer(worker.key, value) if returned else Answer(worker.key, error=str(value))
            )
        return found

    def interrupt(self) -> None:
        for worker in self.workers.values():
            worker.calls.close()

    def kill(self) -> None:
        for number, worker in list(self.workers.items()):
            worker.process.kill()
            self._bury(number)

    def _new(self, number: int) -> Worker:
        calls, our_calls = self.context.Pipe(duplex=False)
        our_answers, answers = self.context.Pipe(duplex=False)
        process = self.context.Process(
            target=serve, args=(calls, answers, number), name=f"worker {number}"
        )
        with _paths_told():
            process.start()
        # Or else they would stay open when the worker is gone.
        calls.close()
        answers.close()
        return Worker(process, our_calls, our_answers)

    def _bury(self, number: int) -> str:
        worker = self.workers.pop(number)
        for connection in (worker.calls, worker.answers):
            connection.close()
        worker.process.join(SECONDS_TO_END)
        code = worker.process.exitcode
        if code is not None and code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"signal {-code}"
            hint = ", as when memory runs out" if name == "SIGKILL" else ""
            return f"its process was ended by {name}{hint}"
        return "its process has ended" + f" with exit code {code}" * (code is not None)


@contextmanager
def _paths_told() -> Iterator[None]:
    """Let processes that are started in here find the modules that this one finds.

    The process that workers are forked from looks for them in its working folder and environment
    alone, at least up to Python 3.13.0, and says nothing of those that it cannot find.
    """
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
