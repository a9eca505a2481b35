"""Which instruments a run has."""

from __future__ import annotations

from pathlib import Path

from pytorch_lightning import LightningModule

from callbacks.instruments.gradients_through_time import GradientsThroughTime
from callbacks.instruments.instrument import Instrument
from callbacks.instruments.jacobians import Jacobians
from callbacks.instruments.parameters import Parameters
from callbacks.instruments.saturation import Saturation
from callbacks.instruments.states import States
from callbacks.instruments.through_time import ThroughTime

THROUGH_TIME: tuple[type[ThroughTime], ...] = (GradientsThroughTime, Jacobians, Saturation, States)


def watch(
    folder: Path,
    model: LightningModule,
    gradients_through_time: int | None = None,
    jacobians: int | None = None,
    saturation: int | None = None,
    states: int | None = None,
    parameters: int | None = None,
) -> list[Instrument]:
    """The instruments that are asked for; of the others there is nothing.

    Numbers are training steps between two measurements; null is off, and costs nothing. All measure
    at step 1 too, and at the end. What a measurement costs is said for the palindromes at T = 100,
    hidden 128, batch 128, in training steps without instruments (benchmarks/instruments.py).

    Args:
        folder: of the run's instruments.
        model: that is to be measured.
        gradients_through_time: norm of the loss's gradient by each state.
        jacobians: largest singular value of each step's Jacobian.
        saturation: share of saturated gates and units at each time step.
        states: norm of the state at each time step.
        parameters: norms of each parameter, its gradient and its update.

    Raises:
        ValueError: a number is below 1, or the model has nothing of the kind to be measured.
    """
    asked = {
        "gradients_through_time": gradients_through_time,
        "jacobians": jacobians,
        "saturation": saturation,
        "states": states,
    }
    instruments: list[Instrument] = [
        instrument(folder, every, model)
        for instrument in THROUGH_TIME
        if (every := asked[instrument.name]) is not None
    ]
    if parameters is not None:
        instruments.append(Parameters(folder, parameters))
    return instruments
