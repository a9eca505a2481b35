"""One graph whose nodes have classes, some of which are known: a citation graph, say."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.counted import CountedBatches, CountedData, check_least, check_seeds
from datamodules.graph_checks import left_out
from datamodules.node_sets import read_node_set
from datamodules.splits import public_split, random_split
from layers import Sparse, normalized_adjacency

# Features with fewer entries than this share are kept sparse. Below it, dropping and multiplying
# the stored entries alone is faster.
SPARSE_BELOW = 0.5


class GraphBatch(NamedTuple):
    """A whole graph of N nodes, and which of them are for what.

    Attributes:
        features: (N, D), of the nodes.
        adjacency: (N, N), Â.
        labels: (N,) int64, the classes.
        training, validation, test: (n,) int64, nodes that are trained on, and held out.
    """

    features: Tensor | Sparse
    adjacency: Sparse
    labels: Tensor
    training: Tensor
    validation: Tensor
    test: Tensor


class WholeGraph(CountedBatches):
    """The same graph at every step."""

    def __init__(self, graph: GraphBatch, **place: Any) -> None:
        super().__init__(1, **place)
        self.graph = graph

    def examples(self, step: int, rows: slice) -> GraphBatch:
        return self.graph


class Graph(CountedData):
    """A graph with a class a node, of which those of some nodes are learned from.

    Every batch is the whole graph, a `GraphBatch`; a step is an epoch.

    Args:
        dataset: KarateClub (comes with torch_geometric), Cora, CiteSeer, PubMed, or any other set
            of one graph of classified nodes in torch_geometric.datasets, such as WikiCS or
            Amazon/Photo.
        split: the public one, or a random one. Of KarateClub, which has one known node a class,
            the others are shared between validation and test.
        split_seed: of the random split, so that runs of every seed are measured on the same nodes;
            and the number of the public one, where there are several.
        train_per_class, num_validation, num_test: nodes of a random split.
        adjacency: how Â is normalised, see `layers.normalized_adjacency`.
        normalize_features: whether the features of each node are divided by the sum of their
            magnitudes.
        trust_dataset: whether a set of torch_geometric is read as torch_geometric does, which may
            run what its files hold. Otherwise they are read for data alone.

    Attributes:
        num_classes: C.
        num_features: D.

    Raises:
        ValueError: a value is out of its range, or there is no such graph or split.
        MisconfigurationException: more than one device, or more than one batch a step.
    """

    gives = "graphs"
    units = {"epochs": 1}
    batch_size = 1
    num_workers = 0
    training_seed = None
    # Or else a network might be measured on nodes that it was trained on.
    kept_to_measure = (
        "dataset",
        "split",
        "split_seed",
        "train_per_class",
        "num_validation",
        "num_test",
    )

    def __init__(
        self,
        dataset: str = "KarateClub",
        split: Literal["public", "random"] = "public",
        split_seed: int = 0,
        train_per_class: int = 20,
        num_validation: int = 500,
        num_test: int = 1000,
        adjacency: Literal["symmetric", "row", "binary"] = "symmetric",
        normalize_features: bool = True,
        trust_dataset: bool = False,
    ) -> None:
        super().__init__()
        check_least(
            train_per_class=(train_per_class, 1),
            num_validation=(num_validation, 1),
            num_test=(num_test, 1),
        )
        check_seeds(split_seed=split_seed)
        self.dataset = dataset
        data = read_node_set(dataset, trusted=trust_dataset)
        try:
            if split == "public":
                nodes = public_split(data, split_seed)
            else:
                counts = (train_per_class, num_validation, num_test)
                nodes = random_split(data.y, _known(data), *counts, split_seed)
        except ValueError as error:
            raise ValueError(f"{dataset}: {error}") from None
        features = _features(data.x, normalize_features)
        a_hat = normalized_adjacency(data.edge_index, data.num_nodes, adjacency)
        self.graph = GraphBatch(features, a_hat, data.y, *nodes)
        self.num_classes, self.num_features = int(data.y.max()) + 1, features.shape[1]
        self._left_out = left_out(data)
        self._placed: tuple[GraphBatch, GraphBatch] | None = None

    def __str__(self) -> str:
        graph = self.graph
        nodes = len(graph.labels)
        # Each is there both ways, and a loop at every node.
        edges = (len(graph.adjacency.values) - nodes) // 2
        parts = (graph.training, graph.validation, graph.test)
        split = " + ".join(f"{len(part):,}" for part in parts)
        return f"{self.dataset}, {nodes:,} nodes ({split}), {edges:,} edges{self._left_out}"

    def setup(self, stage: str) -> None:
        if self._devices > 1:
            raise MisconfigurationException(
                f"one graph is one batch, so {self._devices} devices would all do the same work: "
                f"set trainer.devices 1"
            )
        if stage == "fit" and self._accumulate > 1:
            raise MisconfigurationException(
                f"one graph is one batch, so {self._accumulate} of them would be the same again: "
                f"set trainer.accumulate_grad_batches 1"
            )

    def training_batches(self, **place: Any) -> WholeGraph:
        return WholeGraph(self.graph, **place)

    def val_dataloader(self) -> DataLoader[GraphBatch]:
        return DataLoader([self.graph], batch_size=None)  # type: ignore[arg-type]

    def test_dataloader(self) -> DataLoader[GraphBatch]:
        return self.val_dataloader()

    def predict_dataloader(self) -> DataLoader[GraphBatch]:
        return self.val_dataloader()

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> GraphBatch:
        """Move the graph once, rather than at every step."""
        if self._placed is None or not _is_same(self._placed[0], batch, self._placed[1], device):
            self._placed = (batch, super().transfer_batch_to_device(batch, device, dataloader_idx))
        return self._placed[1]


def _is_same(before: GraphBatch, batch: Any, placed: GraphBatch, device: torch.device) -> bool:
    """Whether a batch is the graph that was placed before, and on this device.

    Of the same graph a Trainer may make one in another precision, whose labels stay what they are.
    """
    return (
        isinstance(batch, GraphBatch)
        and batch.labels is before.labels
        and batch.adjacency.values.dtype == before.adjacency.values.dtype
        and placed.labels.device == device
    )


def _features(features: Tensor, normalize: bool) -> Tensor | Sparse:
    """Features (N, D), sparse where they have few entries that are not zero."""
    if features.layout == torch.strided:
        if features.count_nonzero() >= SPARSE_BELOW * features.numel():
            dense = features.float()
            return dense / _sums(dense.abs().sum(dim=1, keepdim=True)) if normalize else dense
        stored = Sparse.from_dense(features.float())
    else:
        entries = features.to_sparse_coo().coalesce()
        # What is stored may be zero all the same, as in a set that another program wrote.
        kept = entries.values() != 0
        shape = (features.shape[0], features.shape[1])
        stored = Sparse.of(*entries.indices()[:, kept], entries.values()[kept].float(), shape)
    if normalize:
        rows = torch.repeat_interleave(stored.starts.diff())
        sums = torch.zeros(stored.shape[0]).index_add(0, rows, stored.values.abs())
        stored = stored._replace(values=stored.values / _sums(sums)[rows])
    count, size = stored.shape
    return stored if len(stored.values) < SPARSE_BELOW * count * size else stored.to_dense()


def _sums(sums: Tensor) -> Tensor:
    """To divide by: a node without features keeps its zeros."""
    return sums.masked_fill(sums == 0, 1)


def _known(data: Any) -> Tensor:
    """Which nodes have a class. CiteSeer has 15 of which nothing is known but that they are there.

    torch_geometric gives these class 0, and neither features nor neighbours.
    """
    linked = torch.zeros(data.num_nodes, dtype=torch.bool)
    linked[data.edge_index.flatten()] = True
    if data.x.layout != torch.strided:
        return data.y >= 0
    return (data.y >= 0) & (linked | data.x.any(dim=1))
