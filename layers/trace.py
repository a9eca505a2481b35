"""What goes on inside recurrent layers, step by step, while a network does what it always does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from layers.recurrent import Recurrent, State


@dataclass
class Trace:
    """A layer's walk through time, T steps of B examples.

    Attributes:
        layer: that walked.
        from_inputs: what it took from its inputs at each step, (B, G*H), T of them.
        before: the state before each step, (B, H) each; `before[0]` is where the walk began.
        after: the state after each step; the graph of what is computed from it goes through it.
    """

    layer: Recurrent
    from_inputs: list[Tensor] = field(default_factory=list)
    before: list[State] = field(default_factory=list)
    after: list[State] = field(default_factory=list)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The tensors of a state: h, or h and c."""
        return ("h", "c")[: self.layer.state_tensors]

    def states(self, name: str) -> Tensor:
        """The states h or c after all steps, (T, B, H)."""
        place = self.state_names.index(name)
        return torch.stack([state[place] for state in self.after])


@contextmanager
def traced(network: nn.Module) -> Iterator[list[Trace]]:
    """Note how the recurrent layers of a network walk, whoever lets them walk.

    Within, they walk by their plain loop, whatever their backend; afterwards all is as before. It
    is meant for one pass forward: a second one adds its steps to those of the first.

    Returns:
        A trace a recurrent layer, from the lowest to the highest.
    """
    layers = [module for module in network.modules() if isinstance(module, Recurrent)]
    traces = [Trace(layer) for layer in layers]
    backends = [layer.backend for layer in layers]
    try:
        for trace in traces:
            trace.layer.backend = "loop"
            # Stands before the method of the class, until it is taken away.
            trace.layer.__dict__["advance"] = _noting(trace)
        yield traces
    finally:
        for layer, backend in zip(layers, backends, strict=True):
            layer.backend = backend
            layer.__dict__.pop("advance", None)


def _noting(trace: Trace) -> Callable[[Tensor, State], tuple[Tensor, State]]:
    advance = trace.layer.advance

    def advance_and_note(from_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, after = advance(from_inputs, state)
        trace.from_inputs.append(from_inputs)
        trace.before.append(state)
        trace.after.append(after)
        return hidden, after

    return advance_and_note
