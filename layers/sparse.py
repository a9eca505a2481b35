"""Matrices of which few entries are not zero, and their product with a dense one."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class Sparse(NamedTuple):
    """A matrix (R, C) with E stored entries, row by row, and the order that its transpose has.

    The order is found once, when the matrix is built; the values may change from use to use, as
    dropout changes them. Row r has the entries from ``starts[r]`` to ``starts[r + 1]``.

    Attributes:
        starts: (R + 1,) int64, where the entries of each row begin.
        columns: (E,) int64, the column of each entry.
        values: (E,), the entries.
        column_starts: (C + 1,) int64, where those of each column begin in the transpose.
        rows: (E,) int64, the row of each entry, column by column.
        by_column: (E,) int64, the place of each entry in ``values``, column by column.
    """

    starts: Tensor
    columns: Tensor
    values: Tensor
    column_starts: Tensor
    rows: Tensor
    by_column: Tensor

    @classmethod
    def of(cls, rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Sparse:
        """The matrix with these entries; each place is named at most once.

        Args:
            rows, columns: (E,) int64, in any order.
            values: (E,).
            shape: (R, C).

        Raises:
            ValueError: an entry is outside the matrix.
        """
        for name, numbers, count in (("row", rows, shape[0]), ("column", columns, shape[1])):
            if numbers.numel() and not 0 <= numbers.min() <= numbers.max() < count:
                raise ValueError(
                    f"every {name} must be from 0 and below {count}, "
                    f"got {numbers.min()} to {numbers.max()}"
                )
        by_row = torch.argsort(rows * shape[1] + columns)
        rows, columns = rows[by_row], columns[by_row]
        by_column = torch.argsort(columns, stable=True)
        return cls(
            _starts(rows, shape[0]),
            columns,
            values[by_row],
            _starts(columns, shape[1]),
            rows[by_column],
            by_column,
        )

    @classmethod
    def from_dense(cls, matrix: Tensor) -> Sparse:
        """The entries of a matrix (R, C) that are not zero."""
        rows, columns = matrix.nonzero(as_tuple=True)
        return cls.of(rows, columns, matrix[rows, columns], (matrix.shape[0], matrix.shape[1]))

    @property
    def shape(self) -> tuple[int, int]:
        """(R, C)."""
        return len(self.starts) - 1, len(self.column_starts) - 1

    def to_dense(self) -> Tensor:
        """The whole matrix, (R, C)."""
        rows = torch.repeat_interleave(self.starts.diff())
        dense = self.values.new_zeros(self.shape)
        return dense.index_put((rows, self.columns), self.values)


def multiply(left: Tensor | Sparse, right: Tensor) -> Tensor:
    """The product of a matrix (R, C), dense or sparse, with a dense one (C, D): (R, D).

    Of a sparse matrix no gradient is taken: it holds data, not parameters. The product has the
    more precise type of the two.

    Raises:
        ValueError: the rows of the right matrix are not as many as a sparse left one has columns.
    """
    if isinstance(left, Tensor):
        return left @ right
    # A bag of embeddings does not mind rows to spare.
    if right.dim() != 2 or right.shape[0] != left.shape[1]:
        raise ValueError(
            f"a matrix {left.shape} cannot be multiplied with one {tuple(right.shape)}"
        )
    product: Tensor = _SparseProduct.apply(left, right)  # type: ignore[no-untyped-call]
    return product


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, left: Sparse, right: Tensor) -> Tensor:
        ctx.left, ctx.dtype = left, right.dtype
        return _sums_of_rows(right, left.columns, left.starts, left.values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        left = ctx.left
        values = left.values.index_select(0, left.by_column)
        product = _sums_of_rows(gradient, left.rows, left.column_starts, values)
        return None, product.to(ctx.dtype)


def _sums_of_rows(table: Tensor, numbers: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    # Each row of a sparse product is a weighted sum of rows of the dense matrix: what torch calls
    # a bag of embeddings, which is faster than its sparse layouts and quiet about them.
    dtype = torch.promote_types(table.dtype, weights.dtype)
    return F.embedding_bag(
        numbers,
        table.contiguous().to(dtype),
        starts,
        mode="sum",
        per_sample_weights=weights.to(dtype),
        include_last_offset=True,
    )


def _starts(numbers: Tensor, count: int) -> Tensor:
    """Where each of `count` numbers begins in a sorted list that may lack some of them."""
    return F.pad(torch.bincount(numbers, minlength=count).cumsum(0), (1, 0))
