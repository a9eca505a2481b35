"""The largest singular values, against those of Jacobians that are written out."""

from __future__ import annotations

import pytest
import torch

from layers import GRU, LSTM, RNN, RRN, largest_singular_values

every_cell = pytest.mark.parametrize("cell_type", [RNN, LSTM, RRN, GRU])


def step(cell_type, hidden_size, N=6, **settings):
    """A cell in double precision, what N examples take from their inputs, and their states."""
    torch.manual_seed(3)
    cell = cell_type(2, hidden_size, **settings).double()
    from_inputs = cell.project(torch.randn(N, 2, dtype=torch.float64)).detach()
    return cell, from_inputs, tuple(torch.randn_like(s) for s in cell.initial_state(N))


def written_out(cell, from_inputs, state):
    """(N, S, S), example by example."""

    def advance(before, inputs):
        _, after = cell.advance(inputs[None], before[None].chunk(cell.state_tensors, dim=1))
        return torch.cat(after, dim=1)[0]

    before = torch.cat(state, dim=1)
    return torch.stack(
        [
            torch.autograd.functional.jacobian(lambda b, n=n: advance(b, from_inputs[n]), before[n])
            for n in range(len(before))
        ]
    )


@every_cell
def test_in_the_whole_space_it_is_the_singular_value(cell_type):
    cell, from_inputs, state = step(cell_type, 7)
    expected = torch.linalg.svdvals(written_out(cell, from_inputs, state))[:, 0]
    found = largest_singular_values(cell, from_inputs, state)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)


@every_cell
@pytest.mark.parametrize("initialization", ["torch", "study", "xavier", "orthogonal"])
def test_of_many_units_within_a_hundredth(cell_type, initialization):
    cell, from_inputs, state = step(cell_type, 64, initialization=initialization)
    expected = torch.linalg.svdvals(written_out(cell, from_inputs, state))[:, 0]
    ratio = largest_singular_values(cell, from_inputs, state) / expected
    assert (ratio <= 1 + 1e-9).all() and (ratio > 0.99).all()


def test_of_the_rnn_it_is_equation_19():
    cell, from_inputs, state = step(RNN, 9)
    hidden, _ = cell.advance(from_inputs, state)
    jacobian = torch.diag_embed(1 - hidden**2) @ cell.weight_hh
    expected = torch.linalg.matrix_norm(jacobian, ord=2)
    found = largest_singular_values(cell, from_inputs, state)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)


def test_nothing_passes_where_all_units_are_saturated():
    cell, from_inputs, state = step(RNN, 4)
    assert torch.equal(
        largest_singular_values(cell, from_inputs + 1e3, state), torch.zeros(6).double()
    )


def test_a_closed_rrn_passes_its_cell_on():
    cell, from_inputs, (hidden, cell_state) = step(RRN, 4)
    # h and c both go on from an open c: (1, 1) of a unit, √2.
    found = largest_singular_values(cell, from_inputs - 1e6, (hidden, cell_state.abs()))
    torch.testing.assert_close(found, torch.full((6,), 2**0.5).double())


def test_what_is_not_finite_is_no_number_and_leaves_the_others_alone():
    cell, from_inputs, state = step(LSTM, 4)
    expected = largest_singular_values(cell, from_inputs, state)
    from_inputs[2] = torch.nan
    found = largest_singular_values(cell, from_inputs, state)
    assert found[2].isnan()
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(found[others], expected[others])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_in_less_precision(dtype):
    cell, from_inputs, state = step(GRU, 8)
    expected = largest_singular_values(cell, from_inputs, state)
    less = [tensor.to(dtype) for tensor in (from_inputs, *state)]
    found = largest_singular_values(cell.to(dtype), less[0], tuple(less[1:]))
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, rtol=torch.finfo(dtype).eps * 20, atol=0)


def test_large_values_do_not_overflow():
    cell, from_inputs, state = step(RRN, 4)
    expected = largest_singular_values(cell, from_inputs, state)
    cell = cell.float()
    with torch.no_grad():
        cell.weight_hh.mul_(1e25)
    single = [tensor.float() for tensor in (from_inputs, *state)]
    found = largest_singular_values(cell, single[0], tuple(single[1:]))
    assert found.isfinite().all() and (found > expected.float()).any()


def test_nothing_is_left_behind():
    cell, from_inputs, state = step(LSTM, 5)
    random = torch.get_rng_state()
    with torch.no_grad():
        found = largest_singular_values(cell, from_inputs, state)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in cell.parameters())
    assert not found.requires_grad and not any(tensor.requires_grad for tensor in state)


@every_cell
def test_a_state_of_other_examples_is_refused(cell_type):
    cell, from_inputs, state = step(cell_type, 4)
    with pytest.raises(ValueError, match=r"^state must be of 6 examples, got \[\(1, 4\)"):
        largest_singular_values(cell, from_inputs, tuple(each[:1] for each in state))
