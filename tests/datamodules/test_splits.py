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


def test_public_masks_are_taken_as_they_are():
    data = Data(train_mask=mask(1, 4), val_mask=mask(0, 2, 3), test_mask=mask(9))
    for number in (0, 5):
        assert sets(public_split(data, number)) == [{1, 4}, {0, 2, 3}, {9}]


@pytest.mark.parametrize(("number", "column"), [(0, 0), (1, 1), (2, 2)])
def test_one_of_several_public_splits(number, column):
    data = Data(
        train_mask=torch.stack([mask(1), mask(2), mask(3)], dim=1),
        val_mask=torch.stack([mask(4), mask(5), mask(6)], dim=1),
        # As of WikiCS, whose test nodes are the same in all.
        test_mask=mask(7, 8),
    )
    split = sets(public_split(data, number))
    assert split == [{1 + column}, {4 + column}, {7, 8}]


def test_a_public_split_that_is_not_there():
    data = Data(
        train_mask=torch.stack([mask(1), mask(2)], dim=1), val_mask=mask(4), test_mask=mask(7)
    )
    with pytest.raises(ValueError, match="^it comes with 2 public splits, split_seed is 2$"):
        public_split(data, 2)


def test_the_rest_is_shared_where_only_training_nodes_are_named():
    data = Data(train_mask=mask(0, 1, 2, 3, size=34))
    training, validation, test = sets(public_split(data, 0))
    assert training == {0, 1, 2, 3}
    assert len(validation) == len(test) == 15
    assert training | validation | test == set(range(34))
    assert sets(public_split(data, 0)) == [training, validation, test]
    others = {frozenset(sets(public_split(data, number))[1]) for number in range(10)}
    assert len(others) == 10
    # Not by their order, which may say something about them.
    assert validation != set(range(4, 19)) and test != set(range(4, 19))


@pytest.mark.parametrize(("there", "part"), [("test", "validate"), ("val", "test")])
def test_nodes_kept_to_test_on_are_not_shared(there, part):
    data = Data(train_mask=mask(0, 1), **{f"{there}_mask": mask(5, 6)})
    with pytest.raises(ValueError, match=f"^its public split has no nodes to {part} on: take"):
        public_split(data, 0)


def test_no_public_split():
    with pytest.raises(ValueError, match="^it comes with no public split: take split random$"):
        public_split(Data(), 0)
