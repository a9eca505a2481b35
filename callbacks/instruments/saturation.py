"""Which share of gates and units passes no gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from callbacks.instruments.through_time import ThroughTime
from figures.profiles import Scale
from layers import Trace

# So near to its bound a sigmoid or a tanh counts as saturated.
NEAR = 0.05


class Saturation(ThroughTime):
    """The share of the units of each gate, and of h, that are saturated, against t.

    A sigmoid or a tanh is saturated within 0.05 of one of its bounds, a ReLU where it is off: there
    hardly any gradient, or none, passes. Gates go by their names in the equations of the cell.

    Raises:
        ValueError: also of a cell that does not tell the bounds of its gates.
    """

    name = "saturation"
    title = "saturated gates and units"
    label = "share of the units"
    scale = Scale.SHARE

    def __init__(self, folder: Path, every: int, model: LightningModule) -> None:
        super().__init__(folder, every, model)
        for layer in self.layers:
            if not layer.bounds:
                cell = type(layer).__name__
                raise ValueError(f"watch.{self.name}: {cell} does not tell the bounds of its gates")

    def values(self, loss: Tensor, traces: Sequence[Trace]) -> list[dict[str, Tensor]]:
        layers = []
        for trace in traces:
            shares: dict[str, list[Tensor]] = {name: [] for name in trace.layer.bounds}
            steps = zip(trace.from_inputs, trace.before, trace.after, strict=True)
            for from_inputs, before, (hidden, *_) in steps:
                found = {**trace.layer.gates(from_inputs, before[0]), "h": hidden}
                for name, bounds in trace.layer.bounds.items():
                    shares[name].append(saturated(found[name], bounds).double().mean(dim=1))
            layers.append({name: torch.stack(each) for name, each in shares.items()})
        return layers


def saturated(values: Tensor, bounds: tuple[float, float]) -> Tensor:
    """Which values are at a bound; where there is none above, only 0 itself is."""
    low, high = bounds
    if math.isinf(high):
        return values <= low
    return (values < low + NEAR) | (values > high - NEAR)
