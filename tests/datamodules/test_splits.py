"""Which nodes are trained on and which are held out."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data

from datamodules.splits import public_split, random_split

# 60 nodes of 3 classes, mixed; the classes have 30, 20 and 10 of them.
LABELS = torch.tensor([0, 1, 0, 2, 1, 0] * 10)
ALL = torch.ones(60, dtype=torch.bool)


def sets(split):
    return [set(part.tolist()) for part in split]


def test_sizes_of_a_random_split():
    split = random_split(LABELS, ALL, per_class=4, validation=25, test=13, seed=0)
    assert [len(part) for part in split] == [12, 25, 13]
    assert all(part.dtype == torch.int64 for part in split)
    assert all(part.tolist() == sorted(part.tolist()) for part in split)
    training, validation, test = sets(split)
    assert len(training | validation | test) == 12 + 25 + 13
    assert [sum(int(LABELS[node]) == each for node in training) for each in range(3)] == [4, 4, 4]


@pytest.mark.parametrize("seed", [0, 1, 2**63, 2**64 - 1])
def test_a_pure_function_of_the_seed(seed):
    torch.manual_seed(1)
    one = random_split(LABELS, ALL, 4, 20, 20, seed)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    other = random_split(LABELS, ALL, 4, 20, 20, seed)
    assert sets(one) == sets(other)
    assert torch.equal(torch.get_rng_state(), before)


def test_other_seeds_draw_other_nodes():
    splits = [sets(random_split(LABELS, ALL, 4, 20, 20, seed)) for seed in range(20)]
    for part in range(3):
        assert len({frozenset(split[part]) for split in splits}) == 20


def test_every_node_is_drawn_for_everything_in_the_long_run():
    """Each node is trained on as often as others of its class. What the training leaves is shared
    without a look at classes: each node as often to validate as to test.
    """
    counts = torch.zeros(3, 60)
    for seed in range(200):
        for part, nodes in enumerate(random_split(LABELS, ALL, 5, 15, 15, seed)):
            counts[part, nodes] += 1
    shares = counts / 200
    # Five of 30, 20 and 10 nodes.
    training = torch.tensor([5 / 30, 5 / 20, 5 / 10])[LABELS]
    # 15 of the other 45 nodes each.
    rest = (1 - training) / 3
    # Four standard deviations at most.
    assert torch.allclose(shares, torch.stack([training, rest, rest]), atol=0.15)


def test_nodes_that_may_not_be_drawn_never_are():
    labels = LABELS.clone()
    labels[::7] = -1
    eligible = (labels >= 0) & (torch.arange(60) % 5 != 0)
    allowed = set(eligible.nonzero().flatten().tolist())
    for seed in range(10):
        training, validation, test = sets(random_split(labels, eligible, 2, 20, 10, seed))
        assert (training | validation | test) <= allowed
        assert len(training) == 6


def test_every_node_may_be_used():
    split = sets(random_split(LABELS, ALL, 10, 20, 10, seed=0))
    assert split[0] | split[1] | split[2] == set(range(60))


def test_a_class_with_too_few_nodes():
    with pytest.raises(ValueError, match="^a class has 10 nodes only, and train_per_class asks "):
        random_split(LABELS, ALL, 11, 1, 1, seed=0)
    eligible = LABELS != 1
    with pytest.raises(ValueError, match="^a class has 0 nodes only, .* asks for 1$"):
        random_split(LABELS, eligible, 1, 1, 1, seed=0)


def test_too_few_nodes_to_hold_out():
    message = (
        "^there are 48 nodes left to validate and to test on, and num_validation 40 and num_test 9 "
        "ask for 49$"
    )
    with pytest.raises(ValueError, match=message):
        random_split(LABELS, ALL, 4, 40, 9, seed=0)


# Public ones


def mask(*nodes, size=10):
    chosen = torch.zeros(size, dtype=torch.bool)
    chosen[list(nodes)] = True
    return chosen


def masked(size=10, **masks):
    """A graph of two classes, whose nodes are of one and the other in turn."""
    return Data(y=torch.arange(size) % 2, **{f"{name}_mask": mask for name, mask in masks.items()})


def test_public_masks_are_taken_as_they_are():
    data = masked(train=mask(1, 4), val=mask(0, 2, 3), test=mask(9))
    for number in (0, 5):
        assert sets(public_split(data, number)) == [{1, 4}, {0, 2, 3}, {9}]


@pytest.mark.parametrize(("number", "column"), [(0, 0), (1, 1), (2, 2)])
def test_one_of_several_public_splits(number, column):
    data = masked(
        train=torch.stack([mask(0, 1), mask(0, 3), mask(0, 5)], dim=1),
        val=torch.stack([mask(2), mask(4), mask(6)], dim=1),
        # As of WikiCS, whose test nodes are the same in all.
        test=mask(7, 8),
    )
    split = sets(public_split(data, number))
    assert split == [{0, 1 + 2 * column}, {2 + 2 * column}, {7, 8}]


def test_a_public_split_that_is_not_there():
    data = masked(train=torch.stack([mask(1), mask(2)], dim=1), val=mask(4), test=mask(7))
    with pytest.raises(ValueError, match="^it comes with 2 public splits, split_seed is 2$"):
        public_split(data, 2)


def test_the_rest_is_shared_where_only_training_nodes_are_named():
    data = masked(34, train=mask(0, 1, 2, 3, size=34))
    training, validation, test = sets(public_split(data, 0))
    assert training == {0, 1, 2, 3}
    assert len(validation) == len(test) == 15
    assert training | validation | test == set(range(34))
    assert sets(public_split(data, 0)) == [training, validation, test]
    others = {frozenset(sets(public_split(data, number))[1]) for number in range(10)}
    assert len(others) == 10
    # Not by their order, which may say something about them.
    assert validation != set(range(4, 19)) and test != set(range(4, 19))


def test_nodes_without_a_class_are_no_part_of_the_rest():
    data = masked(train=mask(0, 1))
    data.y[[2, 9]] = -1
    _, validation, test = sets(public_split(data, 0))
    assert validation | test == {3, 4, 5, 6, 7, 8}


UNKNOWN = torch.tensor([0, 1, 0, 1, -1, -1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"val_mask": None}, "has no nodes to validate on"),
        ({"test_mask": None}, "has no nodes to test on"),
        ({"train_mask": mask()}, "has no nodes to train on"),
        ({"val_mask": mask()}, "has no nodes to validate on"),
        ({"test_mask": mask()}, "has no nodes to test on"),
        # What is to be shared is not enough.
        ({"train_mask": ~mask(3), "val_mask": None, "test_mask": None}, "has no nodes to test on"),
        ({"val_mask": mask(0, 5, 6)}, "has nodes in two of its parts, such as 0"),
        ({"test_mask": mask(4, 9)}, "has nodes in two of its parts, such as 4"),
        (
            {"y": UNKNOWN, "train_mask": mask(0, 5)},
            "has nodes to train on without a class, such as 5",
        ),
        ({"y": UNKNOWN}, "has nodes to validate on without a class, such as 4"),
        ({"train_mask": mask(1, 3, 5)}, "trains on nodes of class 1 alone"),
    ],
)
def test_public_splits_that_mean_nothing(changes, reason):
    data = masked(train=mask(0, 1, 2), val=mask(4), test=mask(7, 8))
    data.update(changes)
    with pytest.raises(ValueError) as caught:
        public_split(data, 0)
    assert str(caught.value) == f"its public split {reason}: take split random"


@pytest.mark.parametrize(
    ("wrong", "form"),
    [
        (mask(0, 1).long(), r"int64 of shape \(10,\)"),
        (mask(0, 1)[:5], r"bool of shape \(5,\)"),
        (torch.tensor(True), r"bool of shape \(\)"),
    ],
)
def test_masks_that_are_none(wrong, form):
    with pytest.raises(ValueError, match=f"^its train_mask is {form}, and must be bool, one entry"):
        public_split(masked(train=wrong, val=mask(4), test=mask(7)), 0)


def test_no_public_split():
    with pytest.raises(ValueError, match="^it comes with no public split: take split random$"):
        public_split(Data(), 0)
