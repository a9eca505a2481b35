"""Runs side by side on a cluster of Ray's, whose machines share the folder of the comparison."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from command_line.errors import UsageError
from comparison.engine import Answer

# What an actor needs in order to be placed; imports take most of it.
SECONDS_TO_START = 120.0


class _Actor:
    """A process of Ray's that carries out one call after the other, as a local worker does."""

    def __init__(self, folder: str) -> None:
        # Paths are relative to where the command was typed.
        os.chdir(folder)
        import command_line.cli  # noqa: F401  once for all of its runs

    def where(self) -> tuple[str, int]:
        """The node, and the process on it."""
        import ray

        return ray.get_runtime_context().get_node_id(), os.getpid()

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
        # Of a Ctrl-C, which goes to all processes of a terminal, the engine tells.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return True, function(*arguments)
        except Exception as error:
            return False, f"{type(error).__name__}: {error}"


@dataclass
class _Call:
    """Under way: its key, what carries it out, and what its answer is known by."""

    key: Any
    actor: Any
    answer: Any


class RayEngine:
    """Actors of Ray's, which finds the machines for them.

    Joins the cluster of RAY_ADDRESS, or that of this machine, or starts one.

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
        self.ray, self.jobs = ray, jobs
        try:
            ray.init(
                ignore_reinit_error=True,
                log_to_driver=False,
                configure_logging=False,
                include_dashboard=False,
            )
        except (ConnectionError, RuntimeError) as error:
            raise UsageError(f"--engine ray: {error}") from None
        self.needs = {"num_cpus": threads, "num_gpus": gpus_per_run or 0}
        self.actors: list[Any] = []
        self.calls: list[_Call] = []

    @property
    def idle(self) -> int:
        return self.jobs - self.busy

    @property
    def busy(self) -> int:
        return len(self.calls)

    def start(self, key: Any, function: Callable[..., Any], *arguments: Any) -> None:
        working = [call.actor for call in self.calls]
        actor = next((each for each in self.actors if each not in working), None)
        if actor is None:
            actor = self.ray.remote(**self.needs)(_Actor).remote(os.getcwd())
            self.actors.append(actor)
        self.calls.append(_Call(key, actor, actor.call.remote(function, arguments)))

    def wait(self, seconds: float) -> list[Answer]:
        if not self.calls:
            return []
        answers = [call.answer for call in self.calls]
        ready, _ = self.ray.wait(answers, num_returns=len(answers), timeout=seconds)
        found = []
        for call in [each for each in self.calls if each.answer in ready]:
            self.calls.remove(call)
            try:
                returned, value = self.ray.get(call.answer)
            except self.ray.exceptions.RayError as error:
                self.actors.remove(call.actor)
                found.append(Answer(call.key, death=str(error).splitlines()[0]))
                continue
            found.append(Answer(call.key, value) if returned else Answer(call.key, error=value))
        return found

    def interrupt(self) -> None:
        for call in self.calls:
            with suppress(self.ray.exceptions.RayError):
                self._terminate(call.actor)

    def kill(self) -> None:
        for actor in self.actors:
            self.ray.kill(actor)
        self.actors, self.calls = [], []

    def _terminate(self, actor: Any) -> None:
        """Send SIGTERM to the process of an actor, from its own machine."""
        raise NotImplementedError
