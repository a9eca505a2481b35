"""What carries out the runs of a comparison, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Answer:
    """What became of a call.

    Attributes:
        key: of the call.
        value: what the function returned.
        error: what it raised, in one line.
        death: how its process ended, if that is why there is no value.
    """

    key: Any
    value: Any = None
    error: str | None = None
    death: str | None = None


class Engine(Protocol):
    """Processes that wait for calls; one that dies is replaced when the next call needs it."""

    @property
    def idle(self) -> int:
        """How many calls could start now."""

    @property
    def busy(self) -> int:
        """How many calls are under way."""

    def start(self, key: Any, function: Callable[..., Any], *arguments: Any) -> None:
        """Start a call of a function that can be pickled."""

    def wait(self, seconds: float) -> list[Answer]:
        """Answers that have come, after at most some seconds."""

    def interrupt(self) -> None:
        """Let all calls write their checkpoints and end; `wait` tells when."""

    def kill(self) -> None:
        """End everything at once."""
