"""Runs side by side on a cluster of Ray's, whose machines share the folder of the comparison."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from command_line.errors import UsageError
from comparison.engine import Answer

# For a process to be told to stop.
SECONDS_TO_TELL = 10.0


class RemoteWorker:
    """A process of Ray's that carries out one call after the other, as a local worker does.

    Args:
        folder: where the command was typed, which paths are relative to.
        paths: where the program is found.
    """

    def __init__(self, folder: str, paths: list[str]) -> None:
        os.chdir(folder)
        sys.path[:] = paths
        import command_line.cli  # noqa: F401  once for all of its runs

    def place(self) -> tuple[str, int]:
        """The node, and the process on it."""
        import ray

        return ray.get_runtime_context().get_node_id(), os.getpid()

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
        """Whether a function has returned, and what; or the error that it raised."""
        # Of a Ctrl-C, which goes to all processes of a terminal, the engine tells.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return True, function(*arguments)
        except Exception as error:
            return False, f"{type(error).__name__}: {error}"


def terminate(process: int) -> None:
    """Send SIGTERM to a process of this machine."""
    os.kill(process, signal.SIGTERM)


@dataclass
class Actor:
    """A worker, where it is, and the call that it is busy with: its key, and its answer to come."""

    worker: Any
    place: Any
    key: Any = None
    answer: Any = None


class RayEngine:
    """Actors of Ray's, which finds the machines for them.

    Joins the cluster of RAY_ADDRESS, or one on this machine, or starts one.

    Args:
        jobs: how many calls may be under way at once.
        threads: CPU cores that each takes.
        gpus_per_run: part of a GPU that each takes; None for none.

    Raises:
        UsageError: Ray is not installed, or cannot be reached.
    """

    def __init__(self, jobs: int, threads: int, gpus_per_run: float | None) -> None:
        try:
            import ray
        except ImportError:
            raise UsageError("--engine ray needs Ray: pip install 'seqgraph[ray]'") from None
        # Checked alike whether Ray is installed or not.
        self.ray: Any = ray
        self.jobs = jobs
        self.needs = {"num_cpus": threads, "num_gpus": gpus_per_run or 0}
        self.actors: list[Actor] = []

    @property
    def idle(self) -> int:
        return self.jobs - self.busy

    @property
    def busy(self) -> int:
        return sum(actor.answer is not None for actor in self.actors)

    def start(self, key: Any, function: Callable[..., Any], *arguments: Any) -> None:
        actor = next((each for each in self.actors if each.answer is None), None)
        if actor is None:
            actor = self._new()
            self.actors.append(actor)
        actor.key, actor.answer = key, actor.worker.call.remote(function, arguments)

    def wait(self, seconds: float) -> list[Answer]:
        busy = {actor.answer: actor for actor in self.actors if actor.answer is not None}
        if not busy:
            return []
        ready, _ = self.ray.wait(list(busy), num_returns=1, timeout=seconds)
        return [self._answer(busy[answer]) for answer in ready]

    def interrupt(self) -> None:
        for actor in self.actors:
            # One that is gone, or has no place yet, has nothing to write.
            with suppress(self.ray.exceptions.RayError):
                node, process = self.ray.get(actor.place, timeout=0)
                tell = self.ray.remote(num_cpus=0, scheduling_strategy=self._on(node))(terminate)
                told = tell.remote(process)
                self.ray.get(told, timeout=SECONDS_TO_TELL)

    def kill(self) -> None:
        for actor in self.actors:
            self.ray.kill(actor.worker)
        self.actors = []
        if self.ray.is_initialized():
            self.ray.shutdown()

    def _answer(self, actor: Actor) -> Answer:
        try:
            returned, value = self.ray.get(actor.answer)
        except self.ray.exceptions.RayError as error:
            self.actors.remove(actor)
            return Answer(actor.key, death=f"its process has ended: {type(error).__name__}")
        actor.answer = None
        return Answer(actor.key, value) if returned else Answer(actor.key, error=value)

    def _new(self) -> Actor:
        if not self.ray.is_initialized():
            self._connect()
        worker = self.ray.remote(**self.needs)(RemoteWorker).remote(os.getcwd(), sys.path)
        return Actor(worker, worker.place.remote())

    def _connect(self) -> None:
        # Ray would have SIGTERM end this process at once.
        handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            # No working folder is uploaded: the machines share the files.
            self.ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UsageError(f"--engine ray: {str(error).splitlines()[0]}") from None
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def _on(self, node: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node, soft=False)
