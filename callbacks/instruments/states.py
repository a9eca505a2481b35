"""How large the states are."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from callbacks.instruments.through_time import ThroughTime
from layers import Trace


class States(ThroughTime):
    """The norm of h_t, and of c_t where the cell has one, of each example, against t."""

    name = "states"
    title = "norms of the states"
    label = "norm of the state at t"

    def values(self, loss: Tensor, traces: Sequence[Trace]) -> list[dict[str, Tensor]]:
        return [
            {name: trace.states(name).norm(dim=2) for name in trace.state_names} for trace in traces
        ]
