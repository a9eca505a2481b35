"""How large the states are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from callbacks.instruments.through_time import ThroughTime
from layers import Trace


class States(ThroughTime):
    """The norm of h_t, and of c_t where the cell has one, of each example, against t."""

    name = "states"
    title = "norms of the states"
    label = "norm of the state at t"

    def values(self, loss: Tensor, traces: Sequence[Trace]) -> list[dict[str, Tensor]]:
        # Squares of what float32 still holds would already be infinite.
        return [
            {
                name: torch.linalg.vector_norm(trace.states(name), dim=2, dtype=torch.float64)
                for name in trace.state_names
            }
            for trace in traces
        ]
