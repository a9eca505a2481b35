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
    """Instruments, and of each the training steps between two measurements; null: off, at no cost.

    All measure at step 1 too, and at the end. What a measurement costs is said in training steps of
    the palindromes at T = 100, hidden 128, batch 128 (benchmarks/instruments.py); its figure for
    TensorBoard takes 1 to 7 more, the more the shorter a step is.

    Args:
        folder: of the run's instruments.
        model: that is to be measured.
        gradients_through_time: norm of the loss's gradient by the state at each time step; a
            measurement costs about 1 training step.
        jacobians: largest singular value of each time step's Jacobian; costs 3 to 6 steps.
        saturation: share of saturated gates and units at each time step; costs about 1.5 steps.
        states: norm of the state at each time step; costs about 1 step.
        parameters: norms of each parameter, its gradient and its update; costs 0.1 steps.

    Returns:
        The instruments that are asked for.

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
