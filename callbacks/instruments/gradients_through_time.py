"""How much of the loss's gradient reaches each time step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from callbacks.instruments.through_time import ThroughTime
from layers import Trace


class GradientsThroughTime(ThroughTime):
    """The norm of ∂L/∂h_t, and of ∂L/∂c_t where the cell has one, against t.

    L is the loss of a single example, so that the norm does not depend on the size of the batch;
    the mean over the examples is that of their norms, not the norm of their mean. As on the way
    back through time, ∂L/∂h_t is with c_t held, and ∂L/∂c_t goes through h_t too.

    Of the RNN, ∂L/∂h_t is the product of the Jacobians diag(1 - h_s²) W_hh, s = t+1 to T,
    transposed, and ∂L/∂h_T ("Recurrent Neural Networks and Graph Neural Networks", 2019, eq. 19):
    where these shrink vectors, it vanishes towards t = 1, where they stretch them it explodes.
    """

    name = "gradients_through_time"
    title = "gradients through time"
    label = "norm of ∂L/∂(state at t)"
    differentiates = True

    def values(self, loss: Tensor, traces: Sequence[Trace]) -> list[dict[str, Tensor]]:
        states = [state for trace in traces for after in trace.after for state in after]
        gradients = iter(
            torch.autograd.grad(loss, states, allow_unused=True, materialize_grads=True)
        )
        layers = []
        for trace in traces:
            norms: dict[str, list[Tensor]] = {name: [] for name in trace.state_names}
            for _ in trace.after:
                for name in trace.state_names:
                    gradient = next(gradients)
                    # Squares of what float32 still holds would already be zero, or infinite.
                    norm = torch.linalg.vector_norm(gradient, dim=1, dtype=torch.float64)
                    # The loss is a mean over the examples.
                    norms[name].append(len(gradient) * norm)
            layers.append({name: torch.stack(each) for name, each in norms.items()})
        return layers
