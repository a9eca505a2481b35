"""Instruments that show how gradients and states travel through time while a network trains."""

from callbacks.instruments.gradients_through_time import GradientsThroughTime
from callbacks.instruments.jacobians import Jacobians
from callbacks.instruments.parameters import Parameters
from callbacks.instruments.saturation import Saturation
from callbacks.instruments.states import States
from callbacks.instruments.watch import watch

__all__ = [
    "GradientsThroughTime",
    "Jacobians",
    "Parameters",
    "Saturation",
    "States",
    "watch",
]
