"""The runs of a comparison."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """A run of a grid.

    Attributes:
        model: name of the architecture.
        settings: what the grid sets in this run, flags of `fit` without dashes and their values
            as typed, such as (("data.length", "20"), ("optimizer", "Adam")); in the grid's order.
        seed: of the run.
    """

    model: str
    settings: tuple[tuple[str, str], ...]
    seed: int

    @property
    def name(self) -> str:
        """Of the run's folder: 'length=20,optimizer=Adam,seed=3'."""
        parts = [f"{flag.rpartition('.')[2]}={value}" for flag, value in self.settings]
        return ",".join([*parts, f"seed={self.seed}"])
