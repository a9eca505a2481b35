"""How far each time step can stretch what is passed along in the state."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from callbacks.instruments.through_time import ThroughTime
from figures.profiles import Scale
from layers import Trace, largest_singular_values

# Of a batch.
EXAMPLES = 4


class Jacobians(ThroughTime):
    """The largest singular value of ∂(state after t) / ∂(state before t), against t.

    The state is all that a layer carries, h and c together. Of the first four examples of a batch.
    See `layers.largest_singular_values`.
    """

    name = "jacobians"
    title = "how far a time step stretches"
    label = "largest singular value of ∂(state at t) / ∂(state at t - 1)"
    scale = Scale.AROUND_ONE

    def values(self, loss: Tensor, traces: Sequence[Trace]) -> list[dict[str, Tensor]]:
        return [{"state": _stretches(trace)} for trace in traces]


def _stretches(trace: Trace) -> Tensor:
    """(T, examples), all time steps at once."""
    # A look-up may hand out the same inputs to all examples.
    from_inputs = torch.cat([each[:EXAMPLES] for each in trace.from_inputs])
    before = tuple(
        torch.cat([tensor[:EXAMPLES] for tensor in tensors])
        for tensors in zip(*trace.before, strict=True)
    )
    found = largest_singular_values(trace.layer, from_inputs, before)
    return found.view(len(trace.before), -1)
