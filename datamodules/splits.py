"""Which nodes of a graph are trained on, and which are held out to validate and to test on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from datamodules.graph_checks import check_split

if TYPE_CHECKING:
    from torch_geometric.data import Data

Split = tuple[Tensor, Tensor, Tensor]


def public_split(data: Data, number: int) -> Split:
    """The nodes (n,) to train, to validate and to test on that a data set comes with.

    Where it names only those to train on, the others are shared between the other two.

    Args:
        number: of the split, where there are several; and of the sharing.

    Raises:
        ValueError: the set comes with no split, or with one that means nothing.
    """
    split = _public_split(data, number)
    try:
        check_split(split, data.y)
    except ValueError as error:
        raise ValueError(f"its public split {error}: take split random") from None
    return split


def _public_split(data: Data, number: int) -> Split:
    training, validation, test = (
        _mask(data, f"{stage}_mask", number) for stage in ("train", "val", "test")
    )
    if training is None:
        raise ValueError("it comes with no public split: take split random")
    if (validation is None) != (test is None):
        # Sharing the others would take nodes that the set keeps to test on, or out of it all.
        part = "validate" if validation is None else "test"
        raise ValueError(f"its public split has no nodes to {part} on: take split random")
    if validation is None or test is None:
        rest = _nodes(~training & (data.y >= 0))
        rest = rest[torch.randperm(len(rest), generator=_generator(number))]
        return _sorted(_nodes(training), *rest.tensor_split(2))
    return _nodes(training), _nodes(validation), _nodes(test)


def random_split(
    labels: Tensor, eligible: Tensor, per_class: int, validation: int, test: int, seed: int
) -> Split:
    """Nodes (n,) drawn to train, so many of each class, and of the rest to validate and to test on.

    Args:
        labels: (N,) int64.
        eligible: (N,) bool, which nodes may be drawn.
        per_class: nodes of each class to train on.
        validation, test: nodes of all classes together.
        seed: of the draw.

    Raises:
        ValueError: there are too few nodes.
    """
    generator = _generator(seed)
    order = torch.randperm(len(labels), generator=generator)
    order = order[eligible[order]]
    of_classes = [order[labels[order] == each] for each in range(int(labels.max()) + 1)]
    smallest = min(map(len, of_classes))
    if smallest < per_class:
        raise ValueError(
            f"a class has {smallest} nodes only, and train_per_class asks for {per_class}"
        )
    training = torch.cat([nodes[:per_class] for nodes in of_classes])
    rest = order[~torch.isin(order, training)]
    # In a new order: the training took the first nodes of each class, so that in the old one those
    # left of a small class come late, and the validation would hardly see it.
    rest = rest[torch.randperm(len(rest), generator=generator)]
    if len(rest) < validation + test:
        raise ValueError(
            f"there are {len(rest):,} nodes left to validate and to test on, and num_validation "
            f"{validation:,} and num_test {test:,} ask for {validation + test:,}"
        )
    return _sorted(training, rest[:validation], rest[validation : validation + test])


def _mask(data: Data, name: str, number: int) -> Tensor | None:
    mask: Tensor | None = getattr(data, name, None)
    if mask is None:
        return None
    fits = mask.dim() in (1, 2) and mask.shape[0] == len(data.y)
    if mask.dtype != torch.bool or not fits:
        kind = str(mask.dtype).removeprefix("torch.")
        raise ValueError(
            f"its {name} is {kind} of shape {tuple(mask.shape)}, and must be bool, one entry a "
            f"node: take split random"
        )
    if mask.dim() == 1:
        return mask
    if number >= mask.shape[1]:
        raise ValueError(f"it comes with {mask.shape[1]} public splits, split_seed is {number}")
    return mask[:, number]


def _sorted(training: Tensor, validation: Tensor, test: Tensor) -> Split:
    return training.sort().values, validation.sort().values, test.sort().values


def _nodes(mask: Tensor) -> Tensor:
    return mask.nonzero().squeeze(1)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed % 2**63)
