"""Dropout: what it does to each entry, exactly, and how often, within five standard deviations."""

import math

import pytest
import torch

from layers import Sparse, dropout, multiply

MANY = 2**20
LEVELS = 65_536  # a probability is rounded to one of them


def assert_share(happened, probability):
    """That something happened to about this share of the entries."""
    deviation = math.sqrt(probability * (1 - probability) / happened.numel())
    assert abs(happened.double().mean().item() - probability) < 5 * deviation


@pytest.mark.parametrize("probability", [0.01, 0.1, 0.25, 0.5, 0.6, 0.9, 0.99])
def test_the_share_dropped_is_the_probability(probability):
    assert_share(dropout(torch.ones(MANY), probability, True) == 0, probability)


@pytest.mark.parametrize("probability", [1 / LEVELS, 1 - 1 / LEVELS])
def test_the_share_is_right_to_one_level(probability):
    """One level more or less would be nothing, or twice as much."""
    assert_share(dropout(torch.ones(4 * MANY), probability, True) == 0, probability)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_the_mean_stays(probability):
    mean = dropout(torch.ones(MANY, dtype=torch.float64), probability, True).mean().item()
    assert abs(mean - 1) < 5 * math.sqrt(probability / (1 - probability) / MANY)


@pytest.mark.parametrize("probability", [0.3, 0.5])
@pytest.mark.parametrize("place", range(4))
def test_the_share_is_right_at_each_place_of_a_random_number(place, probability):
    """Four entries share one, and its last bits must be as random as the first."""
    dropped = dropout(torch.ones(MANY, 4), probability, True) == 0
    assert_share(dropped[:, place], probability)


@pytest.mark.parametrize("apart", [1, 2, 3, 4, 5, 8])
def test_entries_are_dropped_independently_of_their_neighbours(apart):
    """Those that share a random number, and those that do not."""
    probability = 0.3
    dropped = dropout(torch.ones(4 * MANY), probability, True) == 0
    for start in range(4):
        # A pair in every sixteen entries, so that none is counted in two.
        first, second = dropped[start:-8:16], dropped[start + apart : len(dropped) - 8 + apart : 16]
        assert_share(first & second, probability**2)


def test_entries_are_dropped_independently_at_any_distance():
    """Their correlation, in a circle, is that of noise at all distances at once."""
    probability, entries = 0.5, MANY // 4
    dropped = (dropout(torch.ones(entries), probability, True) == 0).double() - probability
    spectrum = torch.fft.rfft(dropped).abs().square()
    correlation = torch.fft.irfft(spectrum, n=entries) / (entries * probability**2)
    assert abs(correlation[0] - 1) < 0.01
    # Of so many numbers the greatest is about five deviations off.
    assert correlation[1:].abs().max() < 7 / math.sqrt(entries)


def test_all_patterns_of_four_entries_are_as_likely_as_they_should_be():
    probability = 0.4
    dropped = dropout(torch.ones(MANY, 4), probability, True) == 0
    pattern = (dropped * torch.tensor([8, 4, 2, 1])).sum(1)
    for number in range(16):
        drops = number.bit_count()
        assert_share(pattern == number, probability**drops * (1 - probability) ** (4 - drops))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("probability", [0.1, 1 / 3, 0.5, 0.9])
def test_entries_are_dropped_or_scaled(probability, dtype):
    """By 1 / (1 - p), with p rounded to a level."""
    matrix = torch.randn(300, 7, dtype=dtype)
    before = matrix.clone()
    result = dropout(matrix, probability, True)
    rounded = math.floor(probability * LEVELS + 0.5) / LEVELS
    expected = torch.where(result == 0, torch.zeros_like(matrix), matrix / (1 - rounded))
    # A scale in float32 would be wrong by about 1e-8.
    precision = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(result, expected, rtol=precision, atol=0)
    assert result.dtype == dtype
    assert torch.equal(matrix, before)


@pytest.mark.parametrize(
    "shape", [(), (0,), (1,), (2,), (3,), (5,), (7, 1), (3, 5), (0, 4), (2, 3, 3)]
)
def test_any_shape_will_do(shape):
    matrix = torch.ones(shape)
    result = dropout(matrix, 0.5, True)
    assert result.shape == shape
    assert ((result == 0) | (result == 2)).all()


def test_the_last_entries_of_an_odd_number_are_dropped_too():
    dropped = torch.stack([dropout(torch.ones(7), 0.5, True) == 0 for _ in range(2000)])
    for place in range(7):
        assert_share(dropped[:, place], 0.5)


def test_a_transposed_matrix_keeps_its_places():
    matrix = torch.arange(1.0, 13.0).view(3, 4).t()
    result = dropout(matrix, 0.5, True)
    assert ((result == 0) | (result == 2 * matrix)).all()
    assert 0 < result.count_nonzero() < 12


@pytest.mark.parametrize("probability", [0, 0.0])
def test_nothing_is_done_with_probability_zero(probability):
    matrix = torch.randn(5)
    assert dropout(matrix, probability, True) is matrix


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_nothing_is_done_outside_training(probability):
    matrix = torch.randn(5)
    assert dropout(matrix, probability, False) is matrix


@pytest.mark.parametrize("probability", [1, 1.0])
def test_all_is_dropped_with_probability_one(probability):
    matrix = torch.randn(MANY, requires_grad=True)
    result = dropout(matrix, probability, True)
    assert torch.equal(result, torch.zeros(MANY))
    result.sum().backward()
    assert torch.equal(matrix.grad, torch.zeros(MANY))


def test_a_probability_that_would_round_to_one_is_not_one():
    """What is left would be scaled by 1 / 0."""
    probability = 1 - 1e-6
    result = dropout(torch.ones(16 * MANY), probability, True)
    assert_share(result != 0, 1e-6)
    kept = result[result != 0]
    assert len(kept)
    torch.testing.assert_close(kept, torch.full_like(kept, 1e6), rtol=1e-3, atol=0)


def test_a_probability_that_rounds_to_zero_drops_nothing():
    matrix = torch.randn(1000)
    assert torch.equal(dropout(matrix, 1e-6, True), matrix)


@pytest.mark.parametrize("probability", [-0.1, 1.1, math.nan])
@pytest.mark.parametrize("training", [True, False])
def test_what_is_no_probability_is_refused(probability, training):
    complaint = f"^probability must be between 0 and 1, got {probability}$"
    with pytest.raises(ValueError, match=complaint):
        dropout(torch.ones(3), probability, training)


def test_the_gradient_is_the_mask():
    matrix = torch.randn(30, 5, dtype=torch.float64, requires_grad=True)
    result = dropout(matrix, 0.5, True)
    weighing = torch.randn_like(result)
    result.backward(weighing)
    torch.testing.assert_close(matrix.grad, torch.where(result == 0, 0.0, 2 * weighing))


def test_a_seed_decides():
    def drawn(seed):
        torch.manual_seed(seed)
        return dropout(torch.ones(1000), 0.5, True)

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_goes_on_from_the_state_of_the_generator():
    dropout(torch.ones(1001), 0.5, True)
    state = torch.get_rng_state()
    first, second = (dropout(torch.ones(1001), 0.5, True) for _ in range(2))
    torch.set_rng_state(state)
    assert torch.equal(dropout(torch.ones(1001), 0.5, True), first)
    assert torch.equal(dropout(torch.ones(1001), 0.5, True), second)
    assert not torch.equal(first, second)


def test_sparse_matrices_drop_among_the_stored_entries():
    dense = torch.randn(60, 40) * (torch.rand(60, 40) < 0.3)
    sparse = Sparse.from_dense(dense)
    torch.manual_seed(3)
    dropped = dropout(sparse, 0.5, True)
    torch.manual_seed(3)
    assert torch.equal(dropped.values, dropout(sparse.values, 0.5, True))
    kept = dropped.to_dense()
    assert torch.equal(kept, torch.where(kept == 0, 0.0, 2 * dense))
    assert 0.3 < kept.count_nonzero() / dense.count_nonzero() < 0.7
    assert torch.equal(sparse.to_dense(), dense)


def test_the_product_of_what_dropout_left_is_that_of_the_dense_matrix():
    dropped = dropout(Sparse.from_dense(torch.randn(6, 5)), 0.4, True)
    right = torch.randn(5, 3, requires_grad=True)
    product = multiply(dropped, right)
    torch.testing.assert_close(product, dropped.to_dense() @ right)
    product.sum().backward()
    torch.testing.assert_close(right.grad, dropped.to_dense().t() @ torch.ones(6, 3))


def test_sparse_matrices_stay_as_they_are_outside_training():
    sparse = Sparse.from_dense(torch.randn(4, 3))
    assert dropout(sparse, 0.5, False).values is sparse.values
