"""The runs of a comparison."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import product

LONGEST_NAME = 100


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
        """Of the run's folder: 'length=20,optimizer=Adam,seed=3'.

        A value that makes no folder name, such as a path, is spelt with dashes, and the name ends
        in a hash of the settings. Another flag that is varied makes other names.
        """
        named = {flag.rpartition(".")[2]: value for flag, value in self.settings}
        if len(named) < len(self.settings):
            # Such as optimizer.lr and lr_scheduler.lr.
            last = Counter(flag.rpartition(".")[2] for flag, _ in self.settings)
            named = {
                flag if last[flag.rpartition(".")[2]] > 1 else flag.rpartition(".")[2]: value
                for flag, value in self.settings
            }
        ends = f"seed={self.seed}"
        full = ",".join([*(f"{name}={value}" for name, value in named.items()), ends])
        plain = all(re.fullmatch(r"[\w.+-]+", value) for value in named.values())
        if plain and len(full) <= LONGEST_NAME:
            return full
        digest = sha256(repr(self.settings).encode()).hexdigest()[:8]
        safe = re.sub(r"[^\w=.,+-]+", "-", full.removesuffix(f",{ends}"))
        room = LONGEST_NAME - len(digest) - len(ends) - 2
        return f"{safe[:room]}-{digest},{ends}"

    def __str__(self) -> str:
        return f"{self.model}/{self.name}"


@dataclass(frozen=True)
class Grid:
    """What a comparison varies; its runs are all combinations.

    Attributes:
        models: names of architectures.
        varied: flags of `fit` without dashes, and the values that each takes, as typed.
        seeds: of the runs of each combination.
    """

    models: tuple[str, ...]
    varied: Mapping[str, tuple[str, ...]]
    seeds: tuple[int, ...]

    def runs(self) -> list[Run]:
        """All runs: by model, then by the values in the order of the flags, then by seed."""
        flags = tuple(self.varied)
        return [
            Run(model, tuple(zip(flags, values, strict=True)), seed)
            for model in self.models
            for values in product(*self.varied.values())
            for seed in self.seeds
        ]

    def __len__(self) -> int:
        count = len(self.models) * len(self.seeds)
        for values in self.varied.values():
            count *= len(values)
        return count
