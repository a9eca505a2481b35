"""Drawing the next character from what the network thinks of all of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# How far rounding alone may move the ratio of two probabilities, as a share of it: logits z come
# in float32, which rounds them by up to |z| 2^-24, so this allows for |z| up to about 80.
ROUNDING = 1e-5


def check_sampling(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raise ValueError unless these settings of `draw_next` are in their ranges."""
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must be a number from 0 upwards, got {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, got {top_p}")


def draw_next(
    logits: Tensor,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    generator: torch.Generator,
) -> Tensor:
    """Draw a character for each row, from softmax(z / τ).

    The softmax with a temperature is that of "Recurrent Neural Networks and Graph Neural
    Networks" (2019), section 2. Of what it gives, the most probable characters may be kept: first
    by their number (Fan, Lewis and Dauphin 2018), then by their probability (Holtzman et al. 2020).

    Args:
        logits: z, (N, V), of V characters; -inf excludes a character.
        temperature: τ; 0 takes the most probable character.
        top_k: draw from the k most probable characters only; all if None.
        top_p: draw from the nucleus only, as in `keep_nucleus`; all if None.
        generator: the only source of randomness. Its device draws, so that one on the CPU gives
            the same text whatever computed the logits.

    Returns:
        The characters' numbers, (N,) int64, on the generator's device.

    Raises:
        ValueError: a row has no finite largest logit, or a setting is out of its range.
    """
    check_sampling(temperature, top_k, top_p)
    # Tiny temperatures stretch the logits beyond single precision.
    logits = logits.to(generator.device, torch.float64)
    peak, most_probable = logits.max(-1, keepdim=True)
    if not peak.isfinite().all():
        raise ValueError("the network's output is not finite")
    if temperature == 0:
        return most_probable.squeeze(-1)
    # With the peak at 0, a division can only underflow towards -inf, which excludes.
    scaled = (logits - peak) / temperature
    if top_k is not None:
        scaled = keep_most_probable(scaled, top_k)
    if top_p is not None:
        scaled = keep_nucleus(scaled, top_p)
    return torch.multinomial(scaled.softmax(-1), 1, generator=generator).squeeze(-1)


def keep_most_probable(logits: Tensor, k: int) -> Tensor:
    """Logits (N, V) with -inf in place of all but the k largest of a row; of equals, the first."""
    order = logits.sort(dim=-1, descending=True, stable=True).indices
    return logits.scatter(-1, order[:, k:], -math.inf)


def keep_nucleus(logits: Tensor, p: float) -> Tensor:
    """Logits (N, V) with -inf outside the nucleus of a row.

    It is the smallest set of the most probable characters whose probability reaches p; of equally
    probable ones, the first. A sum that is below p by no more than rounding explains reaches it.
    """
    if p == 1:
        # Rounded sums reach 1 before the least probable characters.
        return logits
    ordered, order = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    # A sum s = A / (A + B) moves by s (1 - s) times the share by which A / B moves.
    reached = p - ROUNDING * p * (1 - p)
    # A character is inside unless those before it are enough.
    enough_before = ordered.cumsum(-1) - ordered >= reached
    outside = torch.empty_like(enough_before).scatter(-1, order, enough_before)
    return logits.masked_fill(outside, -math.inf)
