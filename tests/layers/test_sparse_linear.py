"""A linear map of dense and of sparse features, against torch.nn.Linear."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from layers import Sparse, SparseLinear


@pytest.mark.parametrize("sparse", [False, True])
def test_equals_torch_in_value_and_gradient(sparse):
    ours, theirs = SparseLinear(6, 3).double(), nn.Linear(6, 3).double()
    with torch.no_grad():
        theirs.weight.copy_(ours.weight.t())
        theirs.bias.copy_(ours.bias)
    features = torch.randn(5, 6, dtype=torch.float64) * (torch.rand(5, 6) < 0.4)
    results = [ours(Sparse.from_dense(features) if sparse else features), theirs(features)]
    torch.testing.assert_close(*results)
    weighing = torch.randn(5, 3, dtype=torch.float64)
    of_ours, of_theirs = (
        torch.autograd.grad(result, [*layer.parameters()], weighing)
        for result, layer in zip(results, (ours, theirs), strict=True)
    )
    torch.testing.assert_close(of_ours[0], of_theirs[0].t())
    torch.testing.assert_close(of_ours[1], of_theirs[1])


def test_weights_are_drawn_for_as_many_inputs_as_there_are():
    weight = SparseLinear(100, 50, "torch").weight
    assert 0.095 < weight.abs().max() <= 0.1
    assert (SparseLinear(4, 2, "xavier").bias == 0).all()


@pytest.mark.parametrize("sizes", [(0, 2), (2, 0)])
def test_sizes_below_one_are_refused(sizes):
    with pytest.raises(ValueError, match="put_size must be at least 1, got 0"):
        SparseLinear(*sizes)


def test_an_unknown_initialization_is_refused():
    with pytest.raises(ValueError, match="did you mean 'xavier'"):
        SparseLinear(2, 2, "xaver")
