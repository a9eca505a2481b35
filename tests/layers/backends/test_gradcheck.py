"""The way back of the compiled walk by finite differences."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from layers import RRN
from tests.layers.backends.problems import (
    distance_from_kinks,
    every_cell,
    every_kind,
    outputs_of,
    problem,
)


class Outputs(nn.Module):
    """A layer by one of its two entries."""

    def __init__(self, layer, all_steps):
        super().__init__()
        self.layer, self.all_steps = layer, all_steps

    def forward(self, inputs, state):
        return tuple(outputs_of(self.layer, inputs, state, self.all_steps).values())


@every_cell
@every_kind
@pytest.mark.parametrize("all_steps", [True, False])
def test_gradients_by_finite_differences(cell_type, kind, all_steps):
    layer, inputs, state = problem(cell_type, kind, T=4, B=2, D=2, H=3)
    layer.backend = "numba"
    if cell_type is RRN:
        # A ReLU has no derivative at 0: finite differences must stay on one side of it.
        assert distance_from_kinks(layer, inputs, state) > 1e-4
    if kind == "dense":
        inputs.requires_grad_()
    module = Outputs(layer, all_steps)
    names, parameters = zip(*module.named_parameters(), strict=True)
    for tensor in state:
        tensor.requires_grad_()

    def run(inputs, *rest):
        state, parameters = rest[: len(rest) - len(names)], rest[len(rest) - len(names) :]
        return functional_call(module, dict(zip(names, parameters, strict=True)), (inputs, state))

    assert torch.autograd.gradcheck(run, (inputs, *state, *parameters))
