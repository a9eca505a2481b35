"""Clipping that no finite gradient breaks, and that skips a step whose gradient is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm

# By torch, added to a norm before it is divided by.
EPSILON = 1e-6


class Clipping:
    """Measure the gradients of an optimiser all together before each step, and clip them.

    This is `torch.nn.utils.clip_grad_norm_` (Pascanu et al. 2013, "On the difficulty of training
    recurrent neural networks") or `clip_grad_value_`, to the last bit, except in two cases:

    - The squares of finite entries overflow. To torch the norm is then infinite, and all entries
      become 0; here they are divided by the largest of them before they are squared.
    - An entry is not finite. No factor makes it so, and the step is skipped: where all gradients
      are None, optimisers leave weights and their own state alone.

    On a GPU that is not to be waited for, `unread` does the same without reading a number: what it
    has measured is read once somebody asks for it.
    """

    def __init__(self) -> None:
        self._norm: float | None = None
        self._overflowed = self._skipped = 0
        # Norm and counts (3,) float64 since the last reading, on the device.
        self._unread: Tensor | None = None

    @property
    def norm(self) -> float | None:
        """Of the last gradients before they were clipped, also where it is beyond their own type.

        It is not finite of a skipped step, and None before any.
        """
        self._read()
        return self._norm

    @property
    def overflowed(self) -> int:
        """How many gradients were finite though their norm overflowed."""
        self._read()
        return self._overflowed

    @property
    def skipped(self) -> int:
        """How many gradients were not finite."""
        self._read()
        return self._skipped

    def __call__(
        self, parameters: Iterable[nn.Parameter], limit: float | None, by_value: bool = False
    ) -> None:
        """Clip the gradients in place, or set all of them to None to skip the step.

        Args:
            parameters: all that the optimiser steps, of any shapes.
            limit: the largest norm that the gradients may have together; None clips nothing.
            by_value: the limit is that of each entry instead.
        """
        self._read()
        parameters = [each for each in parameters if each.grad is not None]
        gradients = [each.grad for each in parameters if each.grad is not None]
        norm = _norm(gradients)
        self._norm = float(norm)
        overflows = not math.isfinite(self._norm)
        if overflows:
            largest = _norm(gradients, math.inf)
            if not math.isfinite(largest):
                self._skipped += 1
                for parameter in parameters:
                    parameter.grad = None
                return
            self._overflowed += 1
            # By a tensor of its device: a GPU would multiply by the reciprocal of a number, and
            # that of the largest float32 has lost bits, or is 0 where these are flushed.
            parts = [each / largest.to(each.device) for each in gradients]
            multiple = float(_norm(parts))
            self._norm = multiple * float(largest)
        if limit is None or limit <= 0:
            return
        # Well within, in any type: torch would multiply all by 1.
        within = self._norm + EPSILON < limit / 2
        if by_value:
            clip_grad_value_(parameters, limit)
        elif within:
            return
        elif not overflows:
            clip_grads_with_norm_(parameters, limit, norm)
        elif self._norm > limit:
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_(part.mul_(limit / multiple))

    def unread(
        self, parameters: Sequence[nn.Parameter], limit: float | None, by_value: bool = False
    ) -> Tensor:
        """Clip the gradients in place, to the same bits, and read nothing.

        Args:
            parameters: all that the optimiser steps, each with a gradient, on one device.
            limit, by_value: as when it is called.

        Returns:
            () bool, on the device: whether all entries are finite. If not, the gradients are no
            numbers either, and the step is to be undone after it.
        """
        gradients = [each.grad for each in parameters if each.grad is not None]
        norm, largest = _norm(gradients), _norm(gradients, math.inf)
        finite = largest < math.inf
        overflows = finite & (norm == math.inf)
        multiple = _norm(torch._foreach_div(gradients, largest)).double()
        whole = torch.where(overflows, multiple * largest, norm)
        if limit is not None and limit > 0 and by_value:
            clip_grad_value_(parameters, limit)
        elif limit is not None and limit > 0:
            clips = overflows & (whole > limit)
            # A number by a tensor would be its reciprocal times the number.
            share = torch.full_like(multiple, limit) / multiple
            beyond = torch.where(clips, share, torch.ones_like(share)).to(norm.dtype)
            within = torch.clamp(limit / (norm + EPSILON), max=1.0)
            # Divided by 1, the others stay what they are.
            divisor = torch.where(clips, largest, torch.ones_like(largest))
            torch._foreach_div_(gradients, divisor)
            torch._foreach_mul_(gradients, torch.where(overflows, beyond, within))
        counted = torch.stack([overflows, ~finite])
        before = 0 if self._unread is None else self._unread[1:]
        self._unread = torch.cat([whole[None], counted + before])
        return finite

    def state_dict(self) -> dict[str, int]:
        """The counts, by name."""
        self._read()
        return {"overflowed": self._overflowed, "skipped": self._skipped}

    def load_state_dict(self, counts: Mapping[str, int]) -> None:
        """Go on counting; from 0 what was not counted yet."""
        self._unread = None
        self._overflowed = counts.get("overflowed", 0)
        self._skipped = counts.get("skipped", 0)

    def _read(self) -> None:
        if self._unread is not None:
            self._norm, overflowed, skipped = self._unread.tolist()
            self._overflowed += int(overflowed)
            self._skipped += int(skipped)
            self._unread = None


@torch.no_grad()
def _norm(gradients: list[Tensor] | tuple[Tensor, ...], order: float = 2.0) -> Tensor:
    """Of all entries together, as `torch.nn.utils.get_total_norm` has it, to the last bit.

    On a CPU, to group gradients by device and type takes it longer than to find their norms.
    """
    if len({each.dtype for each in gradients}) != 1 or not all(each.is_cpu for each in gradients):
        return get_total_norm(gradients, order)
    norms = torch.stack(torch._foreach_norm(gradients, order))
    norm: Tensor = torch.linalg.vector_norm(norms, order)
    return norm
