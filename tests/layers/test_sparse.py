"""Sparse matrices against dense ones that are filled in entry by entry."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layers import Sparse, multiply


def dense_of(places, values, shape):
    dense = torch.zeros(shape, dtype=values.dtype)
    for (row, column), value in zip(places, values, strict=True):
        dense[row, column] = value
    return dense


def indices(places):
    rows, columns = torch.tensor(places, dtype=torch.int64).reshape(-1, 2).t()
    return rows, columns


@st.composite
def matrices(draw):
    """Places in any order, a value for each and a shape; any row, column or all may be empty."""
    shape = draw(st.tuples(st.integers(0, 6), st.integers(0, 6)))
    everywhere = [(row, column) for row in range(shape[0]) for column in range(shape[1])]
    places = draw(st.lists(st.sampled_from(everywhere), unique=True) if everywhere else st.just([]))
    torch.manual_seed(draw(st.integers(0, 1000)))
    return places, torch.randn(len(places), dtype=torch.float64), shape


def laid_out(matrix, layout):
    """The same numbers, in another order of the memory or between others."""
    if layout == "by column":
        return matrix.t().contiguous().t()
    if layout == "every second":
        return torch.stack([matrix, torch.full_like(matrix, torch.nan)], dim=2)[:, :, 0]
    return matrix


LAYOUTS = ("by row", "by column", "every second")
EXAMPLE = [(3, 1), (0, 2), (3, 0), (1, 2), (0, 0)]  # of 4 x 5: row 2, columns 3 and 4 are empty


@given(matrices(), st.integers(1, 4), st.sampled_from(LAYOUTS), st.sampled_from(LAYOUTS))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_product_and_gradient_are_those_of_the_dense_matrix(matrix, width, layout, of_gradient):
    places, values, shape = matrix
    sparse, dense = Sparse.of(*indices(places), values, shape), dense_of(places, values, shape)
    right = torch.randn(shape[1], width, dtype=torch.float64)
    right = laid_out(right, layout).requires_grad_()
    weighing = laid_out(torch.randn(shape[0], width, dtype=torch.float64), of_gradient)

    product, expected = multiply(sparse, right), dense @ right
    torch.testing.assert_close(product, expected)
    torch.testing.assert_close(
        torch.autograd.grad(product, right, weighing),
        torch.autograd.grad(expected, right, weighing),
    )


@pytest.mark.parametrize("width", [1, 3])
def test_gradient_by_finite_differences(width):
    sparse = Sparse.of(*indices(EXAMPLE), torch.randn(5, dtype=torch.float64), (4, 5))
    right = torch.randn(5, width, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda right: multiply(sparse, right), right)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_large_products_are_those_of_the_dense_matrix(dtype):
    dense = torch.randn(700, 400, dtype=dtype) * (torch.rand(700, 400) < 0.02)
    right = torch.randn(400, 30, dtype=dtype, requires_grad=True)
    product, expected = multiply(Sparse.from_dense(dense), right), dense @ right
    weighing = torch.randn_like(product)
    gradient, by_dense = (torch.autograd.grad(p, right, weighing) for p in (product, expected))
    assert product.dtype == dtype
    for ours, theirs in ((product, expected), (gradient[0], by_dense[0])):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_a_gradient_that_is_one_number_spread_out():
    """As that of a sum is: a tensor without any memory of its own."""
    places, values = EXAMPLE, torch.randn(5)
    right = torch.randn(5, 3, requires_grad=True)
    multiply(Sparse.of(*indices(places), values, (4, 5)), right).sum().backward()
    torch.testing.assert_close(right.grad, dense_of(places, values, (4, 5)).t() @ torch.ones(4, 3))


def test_values_may_change_from_use_to_use():
    sparse = Sparse.of(*indices(EXAMPLE), torch.randn(5), (4, 5))
    rows, columns = sparse.to_dense().nonzero(as_tuple=True)
    values = torch.tensor([2.0, -3.0, 0.0, 5.0, 7.0])
    dense = torch.zeros(4, 5)
    dense[rows, columns] = values
    right = torch.randn(5, 2, requires_grad=True)
    product = multiply(sparse._replace(values=values), right)
    torch.testing.assert_close(product, dense @ right)
    product.sum().backward()
    torch.testing.assert_close(right.grad, dense.t() @ torch.ones(4, 2))


def test_a_dense_matrix_is_multiplied_as_ever():
    left, right = torch.randn(3, 4), torch.randn(4, 2)
    assert torch.equal(multiply(left, right), left.mm(right))


def test_no_gradient_is_taken_of_the_sparse_matrix():
    values = torch.randn(5, requires_grad=True)
    sparse = Sparse.of(*indices(EXAMPLE), values, (4, 5))
    assert not multiply(sparse, torch.randn(5, 2)).requires_grad


@given(matrices())
@settings(max_examples=100, derandomize=True, deadline=None)
def test_entries_are_kept_row_by_row_and_known_column_by_column(matrix):
    places, values, shape = matrix
    dense = dense_of(places, values, shape)
    sparse = Sparse.of(*indices(places), values, shape)
    assert sparse.shape == shape
    assert torch.equal(sparse.to_dense(), dense)

    for row in range(shape[0]):
        here = slice(sparse.starts[row], sparse.starts[row + 1])
        columns = dense[row].nonzero().flatten()
        assert torch.equal(sparse.columns[here], columns)
        assert torch.equal(sparse.values[here], dense[row, columns])
    for column in range(shape[1]):
        here = slice(sparse.column_starts[column], sparse.column_starts[column + 1])
        rows = dense[:, column].nonzero().flatten()
        assert torch.equal(sparse.rows[here], rows)
        assert torch.equal(sparse.values[sparse.by_column[here]], dense[rows, column])
    assert sparse.starts[-1] == sparse.column_starts[-1] == len(places)


@given(matrices())
@settings(max_examples=50, derandomize=True, deadline=None)
def test_what_is_not_zero_is_stored_and_comes_back(matrix):
    dense = dense_of(*matrix)
    sparse = Sparse.from_dense(dense)
    assert torch.equal(sparse.to_dense(), dense)
    assert sparse.shape == dense.shape
    assert len(sparse.values) == len(matrix[0])


def test_a_zero_may_be_stored():
    sparse = Sparse.of(*indices([(0, 1), (1, 0)]), torch.tensor([0.0, 2.0]), (2, 2))
    assert sparse.values.tolist() == [0, 2]
    assert sparse.to_dense().tolist() == [[0, 0], [2, 0]]


@pytest.mark.parametrize(
    "places, complaint",
    [
        ([(0, 0), (2, 0)], "every row must be from 0 and below 2, got 0 to 2"),
        ([(-1, 0)], "every row must be from 0 and below 2, got -1 to -1"),
        ([(0, 1), (1, 3)], "every column must be from 0 and below 3, got 1 to 3"),
        ([(0, -2)], "every column must be from 0 and below 3, got -2 to -2"),
    ],
)
def test_an_entry_outside_the_matrix_is_refused(places, complaint):
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        Sparse.of(*indices(places), torch.ones(len(places)), (2, 3))


@pytest.mark.parametrize("shape", [(4, 2), (6, 2), (5,), (1, 5, 2), ()])
def test_matrices_that_do_not_fit_are_refused(shape):
    """One with rows to spare as well, from which a wrong product could be made."""
    sparse = Sparse.of(*indices(EXAMPLE), torch.ones(5), (4, 5))
    with pytest.raises(ValueError, match=r"^a matrix \(4, 5\) cannot be multiplied with one \("):
        multiply(sparse, torch.ones(shape))


def test_types_of_another_precision_meet_at_the_higher_one():
    sparse = Sparse.from_dense(torch.tensor([[0.0, 2.0], [1.0, 0.0]]))
    for dtype, expected in (
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ):
        right = torch.tensor([[3.0], [5.0]], dtype=dtype, requires_grad=True)
        product = multiply(sparse, right)
        assert product.dtype == expected and product.tolist() == [[10.0], [3.0]]
        product.sum().backward()
        assert right.grad.dtype == dtype and right.grad.tolist() == [[1.0], [2.0]]
