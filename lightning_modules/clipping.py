"""Clipping that no finite gradient breaks, and that skips a step whose gradient is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from torch import nn
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm


class Clipping:
    """Measure the gradients of an optimiser all together before each step, and clip them.

    This is `torch.nn.utils.clip_grad_norm_` (Pascanu et al. 2013, "On the difficulty of training
    recurrent neural networks") or `clip_grad_value_`, to the last bit, except in two cases:

    - The squares of finite entries overflow. To torch the norm is then infinite, and all entries
      become 0; here they are divided by the largest of them before they are squared.
    - An entry is not finite. No factor makes it so, and the step is skipped: where all gradients
      are None, optimisers leave weights and their own state alone.

    Attributes:
        norm: of the last gradients before they were clipped, as it is, also where it is beyond
            their own type; not finite of a skipped step, None before any.
        overflowed: how many gradients were finite though their norm overflowed.
        skipped: how many gradients were not finite.
    """

    def __init__(self) -> None:
        self.norm: float | None = None
        self.overflowed = 0
        self.skipped = 0

    def __call__(
        self, parameters: Iterable[nn.Parameter], limit: float | None, by_value: bool = False
    ) -> None:
        """Clip the gradients in place, or set all of them to None to skip the step.

        Args:
            parameters: all that the optimiser steps, of any shapes.
            limit: the largest norm that the gradients may have together; None clips nothing.
            by_value: the limit is that of each entry instead.
        """
        parameters = [each for each in parameters if each.grad is not None]
        gradients = [each.grad for each in parameters if each.grad is not None]
        norm = get_total_norm(gradients)
        self.norm = float(norm)
        overflows = not math.isfinite(self.norm)
        if overflows:
            largest = get_total_norm(gradients, math.inf)
            if not math.isfinite(largest):
                self.skipped += 1
                for parameter in parameters:
                    parameter.grad = None
                return
            self.overflowed += 1
            # By a tensor of its device: a GPU would multiply by the reciprocal of a number, and
            # that of the largest float32 has lost bits, or is 0 where these are flushed.
            parts = [each / largest.to(each.device) for each in gradients]
            multiple = float(get_total_norm(parts))
            self.norm = multiple * float(largest)
        if limit is None or limit <= 0:
            return
        if by_value:
            clip_grad_value_(parameters, limit)
        elif not overflows:
            clip_grads_with_norm_(parameters, limit, norm)
        elif self.norm > limit:
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_(part.mul_(limit / multiple))

    def state_dict(self) -> dict[str, int]:
        """The counts, by name."""
        return {"overflowed": self.overflowed, "skipped": self.skipped}

    def load_state_dict(self, counts: Mapping[str, int]) -> None:
        """Go on counting; from 0 what was not counted yet."""
        self.overflowed = counts.get("overflowed", 0)
        self.skipped = counts.get("skipped", 0)
