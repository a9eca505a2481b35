"""Drawing is compared with probabilities worked out one by one, in plain Python."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
import torch

from generation.sampling import check_sampling, draw_next, keep_most_probable, keep_nucleus

LOGITS = [1.3, -0.4, 0.2, 2.1, -3.0, 0.9, 1.31]
DRAWS = 20_000
# The chi-square of one in a million, for 1 to 6 degrees of freedom.
UNLIKELY = [23.9, 27.6, 30.7, 33.4, 35.9, 38.3]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def probabilities(logits, temperature=1.0, top_k=None, top_p=None) -> list[float]:
    """By brute force."""
    order = sorted(range(len(logits)), key=lambda i: -logits[i])
    kept = order[:top_k]
    weights = {i: math.exp(logits[i] / temperature) for i in kept}
    total = sum(weights.values())
    if top_p is not None:
        inside, reached = [], 0.0
        for i in kept:
            if reached < top_p:
                inside.append(i)
                reached += weights[i] / total
        weights = {i: weights[i] for i in inside}
        total = sum(weights.values())
    return [weights.get(i, 0.0) / total for i in range(len(logits))]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 2.0},
        {"top_k": 3},
        {"top_p": 0.8},
        {"top_p": 1.0},
        {"temperature": 0.7, "top_k": 4, "top_p": 0.75},
        {"temperature": 3.0, "top_k": 100, "top_p": 0.99},
    ],
    ids=str,
)
def test_frequencies(settings):
    expected = probabilities(LOGITS, **settings)
    settings = {"temperature": 1.0, "top_k": None, "top_p": None, **settings}
    rows = torch.tensor(LOGITS).expand(DRAWS, -1)
    drawn = draw_next(rows, **settings, generator=seeded())
    assert drawn.shape == (DRAWS,) and drawn.dtype == torch.int64
    counts = drawn.bincount(minlength=len(LOGITS)).tolist()
    possible = [i for i, p in enumerate(expected) if p > 0]
    assert all(counts[i] == 0 for i in range(len(LOGITS)) if i not in possible)
    chi_square = sum(
        (counts[i] - DRAWS * expected[i]) ** 2 / (DRAWS * expected[i]) for i in possible
    )
    assert chi_square < UNLIKELY[max(len(possible) - 2, 0)]


def test_top_k_counts_before_top_p():
    # Of the two kept, renormalised to 0.6 and 0.4, one is enough for 0.6; of all four it is not.
    logits = torch.tensor([[0.45, 0.30, 0.15, 0.10]]).log().expand(200, -1)
    assert set(draw_next(logits, 1.0, 2, 0.59, seeded()).tolist()) == {0}
    assert set(draw_next(logits, 1.0, None, 0.59, seeded()).tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("p", "inside"),
    [
        (0.01, {2}),
        (0.5, {2}),
        (0.51, {2, 0}),
        (0.75, {2, 0}),
        (0.76, {2, 0, 3}),
        (1.0, {0, 1, 2, 3}),
    ],
)
def test_nucleus_by_hand(p, inside):
    logits = torch.tensor([[0.25, 0.0625, 0.5, 0.1875]], dtype=torch.float64).log()
    kept = keep_nucleus(logits, p)[0]
    assert {i for i in range(4) if kept[i] > -math.inf} == inside
    assert all(kept[i] == logits[0, i] for i in inside)


def inside(logits) -> set[int]:
    return {i for i, logit in enumerate(logits.tolist()) if logit > -math.inf}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_nucleus_ends_where_p_is_reached_exactly(dtype):
    """Against sums in fractions, of probabilities in decimals, zeros and equals among them."""
    source = random.Random(0)
    for _ in range(400):
        size, unit = source.choice([2, 4, 10, 40]), source.choice([10, 100, 10_000])
        cuts = sorted(source.choices(range(unit + 1), k=size - 1))
        shares = [Fraction(b - a, unit) for a, b in zip([0, *cuts], [*cuts, unit], strict=True)]
        order = sorted(range(size), key=lambda i: -shares[i])
        k = source.choice([None, source.randint(1, size)])
        kept = order[:k]
        reached = [sum(shares[i] for i in kept[: n + 1]) for n in range(len(kept))]
        # What some of them make together, exactly; or anything.
        p = source.choice([*reached, reached[-1] * source.randint(1, unit) / unit]) / reached[-1]
        if reached[-1] < 1:
            p = Fraction(str(round(float(p), 3))) or Fraction(1, 1000)
        expected = {
            i
            for i, sum_ in zip(kept, reached, strict=True)
            if shares[i] and sum_ - shares[i] < p * reached[-1]
        }
        temperature, shift = source.choice([0.3, 1.0, 2.0]), source.choice([-3, 0, 20])
        values = torch.tensor([[float(each) for each in shares]], dtype=torch.float64).to(dtype)
        logits = (values.log() * temperature + shift).double()
        scaled = (logits - logits.max()) / temperature
        scaled = scaled if k is None else keep_most_probable(scaled, k)
        assert inside(keep_nucleus(scaled, float(p))[0]) == expected, (shares, k, p)


def test_three_tenths_and_five_are_eight():
    assert inside(keep_nucleus(torch.tensor([0.3, 0.1, 0.1, 0.5]).log()[None], 0.8)[0]) == {0, 3}


def test_a_nucleus_is_never_empty_and_little_is_left_out_near_1():
    logits = torch.tensor([[0.0, -20.0]], dtype=torch.float64)
    assert inside(keep_nucleus(logits, 1e-300)[0]) == {0}
    assert inside(keep_nucleus(logits, 1 - 1e-8)[0]) == {0}
    assert inside(keep_nucleus(logits, 1 - 1e-10)[0]) == {0, 1}


def test_nucleus_of_1_keeps_the_least_probable():
    logits = torch.tensor([[0.0, -60.0, -math.inf]], dtype=torch.float64)
    assert torch.equal(keep_nucleus(logits, 1.0), logits)


@pytest.mark.parametrize(
    ("k", "inside"), [(1, {3}), (2, {3, 1}), (4, {0, 1, 2, 3}), (9, {0, 1, 2, 3})]
)
def test_most_probable_by_hand(k, inside):
    logits = torch.tensor([[0.1, 0.5, -2.0, 7.0]])
    kept = keep_most_probable(logits, k)[0]
    assert {i for i in range(4) if kept[i] > -math.inf} == inside
    assert all(kept[i] == logits[0, i] for i in inside)


def test_among_equals_exactly_k_and_the_smallest_nucleus():
    equal = torch.zeros(1, 10, dtype=torch.float64)
    assert inside(keep_most_probable(equal, 3)[0]) == {0, 1, 2}
    assert inside(keep_nucleus(equal, 0.35)[0]) == {0, 1, 2, 3}
    assert inside(keep_nucleus(equal, 0.3)[0]) == {0, 1, 2}
    # As at temperature 0.
    assert draw_next(equal, 1.0, 1, None, seeded()).tolist() == [0]


@pytest.mark.parametrize(
    "settings", [(0.0, None, None), (0.0, 3, 0.5), (1.0, 1, None), (5.0, None, 1e-9)]
)
def test_greedy(settings):
    rows = torch.randn(50, 9, generator=seeded(1))
    assert torch.equal(draw_next(rows, *settings, seeded()), rows.argmax(-1))


def test_greedy_takes_no_random_number():
    generator = seeded()
    before = generator.get_state()
    draw_next(torch.randn(3, 4, generator=seeded(1)), 0.0, None, None, generator)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-300, 5e-324])
def test_tiny_temperatures_are_nearly_greedy(temperature):
    rows = torch.tensor([[88.0, 90.0, -90.0], [1e30, 3e38, -3e38], [0.0, -math.inf, -5.0]])
    assert draw_next(rows, temperature, 2, 0.9, seeded()).tolist() == [1, 1, 0]


def test_huge_temperatures_are_nearly_even():
    rows = torch.tensor([LOGITS]).expand(7000, -1)
    counts = draw_next(rows, 1e300, None, None, seeded()).bincount(minlength=7)
    assert counts.min() > 850


@pytest.mark.parametrize("settings", [(1.0, None, None), (1e5, None, None), (2.0, 3, 0.999)])
def test_minus_infinity_excludes(settings):
    rows = torch.tensor([[-math.inf, 0.0, -math.inf, 1.0]]).expand(500, -1)
    assert set(draw_next(rows, *settings, seeded()).tolist()) == {1, 3}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_precision(dtype):
    rows = torch.tensor([[0.0, 30.0]], dtype=dtype)
    assert draw_next(rows, 1.0, 1, 0.5, seeded()).tolist() == [1]


def test_the_seed_decides_and_nothing_else():
    rows = torch.randn(64, 9, generator=seeded(1))
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = draw_next(rows, 1.0, 7, 0.9, seeded(5))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    assert torch.equal(draw_next(rows, 1.0, 7, 0.9, seeded(5)), one)
    assert not torch.equal(draw_next(rows, 1.0, 7, 0.9, seeded(6)), one)


def test_each_row_from_its_own_logits():
    rows = torch.full((3, 4), -math.inf)
    for row, character in enumerate((2, 0, 3)):
        rows[row, character] = 1.0
    assert draw_next(rows, 1.0, 3, 0.9, seeded()).tolist() == [2, 0, 3]


def test_what_was_given_stays_as_it_is():
    rows = torch.randn(3, 5, generator=seeded(1), dtype=torch.float64)
    copy = rows.clone()
    draw_next(rows, 0.5, 2, 0.5, seeded())
    assert torch.equal(rows, copy)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("row", [[0.0, math.nan], [math.inf, 0.0], [-math.inf, -math.inf]], ids=str)
def test_output_that_is_not_finite(row, temperature):
    rows = torch.tensor([[0.0, 1.0], row])
    with pytest.raises(ValueError, match="^the network's output is not finite$"):
        draw_next(rows, temperature, None, None, seeded())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((-0.1, None, None), "temperature must be a number from 0 upwards, got -0.1"),
        ((math.nan, None, None), "temperature must be a number from 0 upwards, got nan"),
        ((math.inf, None, None), "temperature must be a number from 0 upwards, got inf"),
        ((1.0, 0, None), "top_k must be at least 1, got 0"),
        ((1.0, None, 0.0), "top_p must be above 0 and at most 1, got 0.0"),
        ((1.0, None, 1.1), "top_p must be above 0 and at most 1, got 1.1"),
        ((1.0, None, math.nan), "top_p must be above 0 and at most 1, got nan"),
    ],
)
def test_out_of_range(settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_sampling(*settings)
    with pytest.raises(ValueError, match=f"^{message}$"):
        draw_next(torch.zeros(1, 2), *settings, seeded())
