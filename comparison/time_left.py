"""How long the rest of a grid may take, judged by the runs that have been seen from end to end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import NamedTuple

from comparison.grid import Run
from comparison.groups import is_number

LENGTH = "data.length"


class Sort(NamedTuple):
    """What tells how long a run takes: everything but its seed."""

    model: str
    length: float | None
    others: tuple[tuple[str, str], ...]


class Forecast:
    """Expects of a run what those took that are most like it.

    These are runs of the same settings; else those of the nearest length whose other settings are
    the same, or whose architecture is, or any. A step of a recurrent network reads one digit after
    the other, so that the time is scaled by the length. Where longer sequences take more steps to
    learn, too little is expected of them until the first has ended.

    Args:
        jobs: runs at once.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._seconds: defaultdict[Sort, list[float]] = defaultdict(list)
        self._expected: dict[Sort, float] = {}

    def note(self, run: Run, seconds: float) -> None:
        """Learn from a run how long it took, from its beginning to its end."""
        self._seconds[_sort(run)].append(seconds)
        self._expected.clear()

    def left(self, waiting: Iterable[Run], running: Mapping[Run, float]) -> float | None:
        """Seconds until all have ended; None where nothing is known.

        Args:
            waiting: runs that have not begun.
            running: those that have, and how many seconds ago.
        """
        if not self._seconds:
            return None
        rest = [self._of(run) for run in waiting]
        rest += [max(0.0, self._of(run) - passed) for run, passed in running.items()]
        # The longest is not parted.
        return max(sum(rest) / self.jobs, *rest, 0.0)

    def _of(self, run: Run) -> float:
        sort = _sort(run)
        if sort not in self._expected:
            self._expected[sort] = self._judged(sort)
        return self._expected[sort]

    def _judged(self, sort: Sort) -> float:
        known = list(self._seconds)
        of_model = [each for each in known if each.model == sort.model]
        alike = [each for each in of_model if each.others == sort.others] or of_model or known

        def distance(each: Sort) -> float:
            return abs((each.length or 0.0) - (sort.length or 0.0))

        nearest = min(map(distance, alike))
        return fmean(
            seconds * (sort.length / each.length if sort.length and each.length else 1.0)
            for each in alike
            if distance(each) == nearest
            for seconds in self._seconds[each]
        )


def _sort(run: Run) -> Sort:
    settings = dict(run.settings)
    length = settings.pop(LENGTH, "")
    return Sort(run.model, float(length) if is_number(length) else None, tuple(settings.items()))
