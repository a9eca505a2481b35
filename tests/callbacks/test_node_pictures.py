"""Pictures of a graph network: what is written when, and that the training does not notice."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks import NodePictures, Patience, RunLogger
from callbacks.node_pictures import principal_plane
from datamodules import Graph
from lightning_modules import GCN


@pytest.fixture
def pictured(fit, tmp_path):
    """Train a GCN on the karate club with pictures; the trainer."""

    def pictured(*callbacks, folder=tmp_path / "run", num_layers=2, **settings):
        torch.manual_seed(0)
        model = GCN(num_layers=num_layers, num_features=34, num_classes=4)
        callbacks = callbacks or [NodePictures()]
        settings = {"logger": RunLogger(folder), **settings}
        return fit(model, *callbacks, data=Graph(), **settings)

    return pictured


def shown(folder):
    """Tag to (step, picture) of the images in the events."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [
            (event.step, Image.open(io.BytesIO(event.encoded_image_string)))
            for event in events.Images(tag)
        ]
        for tag in events.Tags()["images"]
    }


def dense_network(model):
    """The hidden layer and the predicted classes by dense matrices."""
    batch = Graph().graph
    a_hat, features = batch.adjacency.to_dense(), batch.features.to_dense()
    first, second = (convolution.weight.detach() for convolution in model.convolutions)
    hidden = (a_hat @ features @ first).clamp(min=0)
    return hidden, (a_hat @ hidden @ second).argmax(dim=1)


def test_pictures_before_and_after_training(pictured, tmp_path):
    pictured(max_steps=7)
    pictures = shown(tmp_path / "run")
    assert {tag: [step for step, _ in found] for tag, found in pictures.items()} == {
        "figures/hidden_layer/before training": [0],
        "figures/hidden_layer/after training": [7],
        "figures/confusion": [7],
    }
    for ((_, picture),) in pictures.values():
        assert len(picture.convert("RGB").getcolors(10**6)) > 10


def test_the_projector_gets_the_hidden_layer(pictured, tmp_path):
    model = pictured(max_steps=7).lightning_module
    hidden, predicted = dense_network(model)
    (tensors,), (table,) = (
        list((tmp_path / "run").rglob(name)) for name in ("tensors.tsv", "metadata.tsv")
    )
    rows = [list(map(float, line.split("\t"))) for line in tensors.read_text().splitlines()]
    torch.testing.assert_close(torch.tensor(rows), hidden)
    header, *lines = table.read_text().splitlines()
    # The projector colours by the first.
    assert header == "class\tpredicted\tnode"
    labels = Graph().graph.labels
    assert [line.split("\t") for line in lines] == [
        [str(int(labels[node])), str(int(predicted[node])), str(node)] for node in range(34)
    ]
    config = (tmp_path / "run/projector_config.pbtxt").read_text()
    assert config.count("embeddings {") == 1 and "hidden_layer" in config
    assert tensors.relative_to(tmp_path / "run").as_posix() in config


def test_of_a_network_that_has_diverged_the_confusion_alone(fit, tmp_path):
    model = GCN(num_features=34, num_classes=4)
    torch.nn.init.constant_(model.convolutions[0].weight, torch.nan)
    fit(model, NodePictures(), data=Graph(), logger=RunLogger(tmp_path / "run"), max_steps=1)
    assert list(shown(tmp_path / "run")) == ["figures/confusion"]
    assert not list((tmp_path / "run").rglob("tensors.tsv"))


def test_no_more_nodes_than_the_projector_takes(pictured, tmp_path, monkeypatch):
    monkeypatch.setattr("callbacks.node_pictures.MOST_PROJECTED", 10)
    pictured(max_steps=1)
    (tensors,), (table,) = (
        list((tmp_path / "run").rglob(name)) for name in ("tensors.tsv", "metadata.tsv")
    )
    assert len(tensors.read_text().splitlines()) == 10
    nodes = [int(line.split("\t")[2]) for line in table.read_text().splitlines()[1:]]
    assert len(set(nodes)) == 10 and (nodes[0], nodes[-1]) == (0, 33)


@pytest.fixture
def drawn(monkeypatch):
    """Note what is drawn, and draw it."""
    from callbacks import node_pictures

    calls = {}

    def noting(name):
        draw = getattr(node_pictures, name)

        def draw_and_note(*arguments):
            calls.setdefault(name, []).append(arguments)
            return draw(*arguments)

        monkeypatch.setattr(node_pictures, name, draw_and_note)

    noting("draw_nodes")
    noting("draw_confusion")
    return calls


def test_the_confusion_is_that_of_the_test_nodes(pictured, drawn):
    model = pictured(max_steps=9).lightning_module
    _, predicted = dense_network(model)
    batch = Graph().graph
    counts = [[0] * 4 for _ in range(4)]
    for node in batch.test.tolist():
        counts[int(batch.labels[node])][int(predicted[node])] += 1
    ((found, title),) = drawn["draw_confusion"]
    assert found == counts and sum(map(sum, found)) == 15
    assert title == "GCN, step 9: the test nodes"


def test_the_plane_is_that_of_the_directions(pictured, drawn):
    model = pictured(max_steps=9).lightning_module
    before, after = drawn["draw_nodes"]
    hidden, _ = dense_network(model)
    lengths = hidden.norm(dim=1, keepdim=True)
    directions = torch.where(lengths > 0, hidden / lengths, 0.0)
    assert_same_plane(np.array(after[0]), directions.double().numpy())
    assert after[1] == before[1] == Graph().graph.labels.tolist()
    assert before[2] == "GCN: the last hidden layer, before training"
    assert after[2] == "GCN: the last hidden layer, after training"
    assert before[0] != after[0]


def test_of_a_network_without_a_hidden_layer(pictured, drawn, tmp_path):
    pictured(num_layers=1, max_steps=2)
    assert [*shown(tmp_path / "run")] == ["figures/confusion"]
    assert not [*(tmp_path / "run").rglob("tensors.tsv")]


@pytest.mark.parametrize("settings", [{}, {"limit_val_batches": 1, "val_check_interval": 1}])
def test_a_training_with_pictures_is_the_same(settings, pictured, tmp_path):
    class Nothing(NodePictures):
        def on_train_start(self, trainer, pl_module):
            pass

        finish = on_train_start

    one = pictured(max_steps=12, **settings)
    random = torch.get_rng_state()
    other = pictured(Nothing(), max_steps=12, folder=tmp_path / "other", **settings)
    assert torch.equal(torch.get_rng_state(), random)
    assert not (tmp_path / "other/projector_config.pbtxt").exists()
    for pair in zip(
        one.lightning_module.parameters(), other.lightning_module.parameters(), strict=True
    ):
        assert torch.equal(*pair)
    assert one.lightning_module.training == other.lightning_module.training


def test_a_network_goes_on_training_after_its_picture(pictured):
    modes = []

    class Modes(NodePictures):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            modes.append({module.training for module in pl_module.modules()})

    pictured(Modes(), max_steps=2)
    assert modes == [{True}, {True}]


def test_in_double_precision(pictured, tmp_path):
    model = pictured(max_steps=3, precision="64-true").lightning_module
    assert model.convolutions[0].weight.dtype == torch.float64
    assert len(shown(tmp_path / "run")) == 3


def test_resumed_at_its_end_nothing_is_written(pictured, tmp_path):
    pictured(max_steps=5).save_checkpoint(tmp_path / "end.ckpt")
    pictured(folder=tmp_path / "again", max_steps=5, ckpt_path=tmp_path / "end.ckpt")
    assert not (tmp_path / "again").exists()


def test_resumed_where_it_had_stopped_nothing_is_written(pictured, tmp_path):
    """Otherwise than at its last step, Lightning begins and ends the training once more."""
    settings = {"max_steps": 50, "limit_val_batches": 1, "val_check_interval": 1}

    class Stop(Patience):
        def observe(self, value):
            self.waited += 1

    pictured(Stop(3), NodePictures(), **settings).save_checkpoint(tmp_path / "end.ckpt")
    settings["ckpt_path"] = tmp_path / "end.ckpt"
    again = pictured(Stop(3), NodePictures(), folder=tmp_path / "again", **settings)
    assert again.global_step == 3 and not (tmp_path / "again").exists()


def test_resumed_in_the_middle_only_the_end_is_drawn(pictured, tmp_path):
    pictured(max_steps=5).save_checkpoint(tmp_path / "cut.ckpt")
    pictured(folder=tmp_path / "again", max_steps=8, ckpt_path=tmp_path / "cut.ckpt")
    found = {tag: step for tag, ((step, _),) in shown(tmp_path / "again").items()}
    assert found == {"figures/hidden_layer/after training": 8, "figures/confusion": 8}


def test_without_a_logger(pictured, drawn, tmp_path):
    pictured(max_steps=2, logger=False)
    assert not drawn and not (tmp_path / "run").exists()


# The plane


def assert_same_plane(found, points):
    """Each coordinate is that of the singular value decomposition, up to its sign."""
    centred = points - points.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    assert found.shape == (len(points), 2)
    for axis in range(2):
        expected = left[:, axis] * sizes[axis] if axis < len(sizes) else 0 * found[:, axis]
        signs = (expected, -expected)
        assert min(np.abs(found[:, axis] - each).max() for each in signs) < 1e-5


@pytest.mark.parametrize("shape", [(40, 16), (40, 2), (5, 30), (3, 1), (2, 2)])
def test_equals_a_singular_value_decomposition(shape):
    points = np.random.default_rng(0).normal(size=shape) * 3 + 7
    assert_same_plane(principal_plane(torch.tensor(points)).numpy(), points)


@pytest.mark.parametrize(
    "points",
    [torch.ones(6, 4), torch.arange(6.0)[:, None] * torch.ones(4), torch.zeros(1, 3)],
    ids=["a point", "a line", "one node"],
)
def test_points_that_span_no_plane(points):
    found = principal_plane(points)
    assert torch.isfinite(found).all()
    assert_same_plane(found.numpy(), points.double().numpy())
    assert float(found[:, 1].abs().max()) < 1e-6
