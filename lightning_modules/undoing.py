"""Undo the step of an optimiser if its gradient was not finite, without asking whether it was."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def is_asynchronous(tensor: Tensor) -> bool:
    """Whether the host runs ahead of the device of a tensor, and would wait to know a number."""
    return tensor.is_cuda


class Undoing:
    """Copies of weights and of an optimiser's state from before a step, to be put back after it.

    Both are done on their device. The copies take as much memory again as the weights and the
    state, and are made once. State that the optimiser keeps on the host cannot be put back, since
    the host does not know: Adam's `step`, unless it is `capturable`, counts a step that was undone.
    """

    def __init__(self) -> None:
        self._stepped: list[int] = []
        self._asked: Sequence[nn.Parameter] = ()
        self._tensors: list[Tensor] = []
        self._copies: list[Tensor] = []
        self._finite: Tensor | None = None

    def is_possible(
        self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter]
    ) -> bool:
        """Whether the step that comes can be undone: not the first one, which makes the state.

        Args:
            optimizer: that takes the step.
            parameters: all that it steps, with a gradient.
        """
        # Of a step that failed before it was undone.
        self._finite = None
        if not parameters or not is_asynchronous(parameters[0]):
            return False
        self._asked = parameters
        if self._stepped != [id(parameter) for parameter in parameters]:
            return False
        # Whatever else there is, as in LBFGS, would not be put back.
        kinds = (Tensor, int, float, type(None))
        state = [value for each in parameters for value in optimizer.state.get(each, {}).values()]
        return all(isinstance(value, kinds) for value in state)

    def keep(
        self,
        optimizer: torch.optim.Optimizer,
        parameters: Sequence[nn.Parameter],
        finite: Tensor,
    ) -> None:
        """Copy what the step changes, where that is possible.

        Args:
            optimizer, parameters: as in `is_possible`.
            finite: () bool, on the device: the step is not undone.
        """
        self._finite = finite
        self._tensors = [
            tensor
            for parameter in parameters
            for tensor in (parameter.data, *optimizer.state.get(parameter, {}).values())
            if isinstance(tensor, Tensor) and tensor.device == finite.device
        ]
        if not _alike(self._copies, self._tensors):
            self._copies = [torch.empty_like(tensor) for tensor in self._tensors]
        torch._foreach_copy_(self._copies, self._tensors)

    def undo(self) -> None:
        """After any step: put back the copies, if there are, unless its gradient was finite."""
        if self._asked:
            # Where a gradient was set to None, the step was skipped, and has made no state.
            self._stepped = [id(each) for each in self._asked if each.grad is not None]
            self._asked = ()
        if self._finite is not None:
            for tensor, copy in zip(self._tensors, self._copies, strict=True):
                torch.where(self._finite, tensor, copy, out=tensor)
            self._finite = None


def _alike(ones: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    kinds = ([(each.shape, each.dtype, each.device) for each in some] for some in (ones, others))
    return next(kinds) == next(kinds)
