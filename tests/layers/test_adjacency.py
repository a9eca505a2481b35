"""The normalised adjacency against its definition with dense matrices, and small ones by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layers import multiply, normalized_adjacency

NORMALIZATIONS = ("symmetric", "row", "binary")


def edges_of(pairs):
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).t()


def by_definition(pairs, num_nodes, normalization):
    """D^(-1/2) (A + I) D^(-1/2), D^(-1) (A + I) or A + I, with A and D as matrices."""
    A = torch.zeros(num_nodes, num_nodes, dtype=torch.float64)
    for one, other in pairs:
        if one != other:
            A[one, other] = A[other, one] = 1
    with_loops = A + torch.eye(num_nodes, dtype=torch.float64)
    degrees = with_loops.sum(dim=1)
    if normalization == "symmetric":
        scale = torch.diag(1 / degrees.sqrt())
        return (scale @ with_loops @ scale).float()
    if normalization == "row":
        return (torch.diag(1 / degrees) @ with_loops).float()
    return with_loops.float()


@st.composite
def graphs(draw):
    """Pairs of nodes in any direction and order, with repetitions and loops; and how many nodes."""
    num_nodes = draw(st.integers(1, 8))
    node = st.integers(0, num_nodes - 1)
    return draw(st.lists(st.tuples(node, node), max_size=15)), num_nodes


@given(graphs(), st.sampled_from(NORMALIZATIONS))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_equals_its_definition(graph, normalization):
    pairs, num_nodes = graph
    adjacency = normalized_adjacency(edges_of(pairs), num_nodes, normalization)
    assert adjacency.shape == (num_nodes, num_nodes)
    expected = by_definition(pairs, num_nodes, normalization)
    torch.testing.assert_close(adjacency.to_dense(), expected)
    # As many entries as there are: a zero, or the same place twice, would cost time.
    assert len(adjacency.values) == expected.count_nonzero()


@pytest.mark.parametrize(
    "normalization, centre, leaf, between, back",
    [
        ("symmetric", 1 / 3, 1 / 2, 1 / math.sqrt(6), 1 / math.sqrt(6)),
        ("row", 1 / 3, 1 / 2, 1 / 3, 1 / 2),
        ("binary", 1.0, 1.0, 1.0, 1.0),
    ],
)
def test_a_path_of_three_nodes(normalization, centre, leaf, between, back):
    """The node in the middle has degree 3 with its loop, those at the ends 2."""
    adjacency = normalized_adjacency(edges_of([(0, 1), (1, 2)]), 3, normalization)
    expected = torch.tensor([[leaf, back, 0], [between, centre, between], [0, back, leaf]])
    torch.testing.assert_close(adjacency.to_dense(), expected)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("num_nodes", [0, 1, 3])
def test_without_edges_each_node_is_its_own_neighbour(num_nodes, normalization):
    adjacency = normalized_adjacency(edges_of([]), num_nodes, normalization)
    assert torch.equal(adjacency.to_dense(), torch.eye(num_nodes))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize(
    "pairs",
    [
        [(2, 1), (3, 1)],
        [(1, 2), (2, 1), (1, 3), (3, 1)],
        [(1, 2), (1, 2), (3, 1), (1, 2)],
        [(1, 1), (1, 2), (3, 3), (1, 3), (0, 0), (1, 1)],
    ],
    ids=["one way", "both ways", "repeated", "loops"],
)
def test_edges_count_once_and_both_ways(pairs, normalization):
    """Node 0 has no neighbour in any of them."""
    once = by_definition([(1, 2), (1, 3)], 4, normalization)
    adjacency = normalized_adjacency(edges_of(pairs), 4, normalization)
    torch.testing.assert_close(adjacency.to_dense(), once)


def test_symmetric_is_the_default():
    pairs = [(0, 1), (1, 2)]
    adjacency = normalized_adjacency(edges_of(pairs), 3)
    torch.testing.assert_close(adjacency.to_dense(), by_definition(pairs, 3, "symmetric"))


@given(graphs())
@settings(max_examples=50, derandomize=True, deadline=None)
def test_binary_is_the_sum_over_neighbours_and_the_node_itself(graph):
    """Equation 42 of the study, node by node. Whole numbers, so that the sums are exact."""
    pairs, num_nodes = graph
    neighbours = [{node} for node in range(num_nodes)]
    for one, other in pairs:
        neighbours[one].add(other)
        neighbours[other].add(one)
    features = torch.randint(-9, 10, (num_nodes, 3)).float()
    sums = multiply(normalized_adjacency(edges_of(pairs), num_nodes, "binary"), features)
    for node in range(num_nodes):
        expected = [sum(features[other, k].item() for other in neighbours[node]) for k in range(3)]
        assert sums[node].tolist() == expected


def test_row_is_the_mean_over_neighbours_and_the_node_itself():
    features = torch.tensor([[3.0], [6.0], [12.0], [5.0]])
    adjacency = normalized_adjacency(edges_of([(0, 1), (0, 2)]), 4, "row")
    means = multiply(adjacency, features)
    torch.testing.assert_close(means, torch.tensor([[7.0], [4.5], [7.5], [5.0]]))


@pytest.mark.parametrize(
    "pairs, num_nodes, complaint",
    [
        ([(0, 3)], 3, "edges must be between nodes 0 and 2, got 0 to 3"),
        ([(1, 2), (-1, 0)], 3, "edges must be between nodes 0 and 2, got -1 to 2"),
    ],
)
def test_an_edge_to_a_node_that_is_not_there_is_refused(pairs, num_nodes, complaint):
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        normalized_adjacency(edges_of(pairs), num_nodes)


@pytest.mark.parametrize(
    "edges, got",
    [
        (torch.zeros(3, 2, dtype=torch.int64), r"int64 \(3, 2\)"),
        (torch.zeros(4, dtype=torch.int64), r"int64 \(4,\)"),
        (torch.tensor([[], []]), r"float32 \(2, 0\)"),
        (torch.zeros(2, 1, dtype=torch.int32), r"int32 \(2, 1\)"),
    ],
    ids=["pair by pair", "flat", "of no type", "narrow"],
)
def test_edges_must_be_two_rows_of_whole_numbers(edges, got):
    with pytest.raises(ValueError, match=rf"^edges must be int64 of shape \(2, E\), got {got}$"):
        normalized_adjacency(edges, 5)


@pytest.mark.parametrize("wrong", ["sum", "", None])
def test_an_unknown_normalization_is_refused(wrong):
    complaint = f"^normalization must be symmetric, row or binary, got {wrong!r}$"
    with pytest.raises(ValueError, match=complaint):
        normalized_adjacency(edges_of([(0, 1)]), 2, wrong)
