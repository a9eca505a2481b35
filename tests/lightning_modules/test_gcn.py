"""The graph convolutional network against dense matrices and against PyG's layers."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from pytorch_lightning import Trainer
from torch_geometric.nn import GCNConv

from datamodules.graph import GraphBatch
from layers import Sparse, normalized_adjacency
from lightning_modules import GCN, node_classifier

NODES, FEATURES, CLASSES = 12, 7, 3
TRAINING, VALIDATION, TEST = [0, 3, 5], [1, 2, 4, 6], [7, 8, 9, 10, 11]
EDGES = torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]])


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def graph(sparse=False):
    """A circle of 10 nodes, and 2 that nobody knows."""
    features = draw(NODES, FEATURES)
    labels = torch.arange(NODES) % CLASSES
    parts = map(torch.tensor, (TRAINING, VALIDATION, TEST))
    adjacency = normalized_adjacency(EDGES, NODES)
    return GraphBatch(
        Sparse.from_dense(features) if sparse else features, adjacency, labels, *parts
    )


def network(**settings):
    torch.manual_seed(1)
    model = GCN(
        **{"hidden_size": 5, "num_features": FEATURES, "num_classes": CLASSES, **settings}
    ).eval()
    with torch.no_grad():
        for number, convolution in enumerate(model.convolutions):
            if convolution.bias is not None:
                convolution.bias.copy_(draw(*convolution.bias.shape, seed=10 + number))
    return model


def dense_logits(model):
    """Those of the equation, in double precision and without a sparse matrix."""
    with_loops = torch.eye(NODES, dtype=torch.float64)
    with_loops[EDGES[0], EDGES[1]] = with_loops[EDGES[1], EDGES[0]] = 1.0
    scale = with_loops.sum(dim=1).rsqrt()
    a_hat = scale[:, None] * with_loops * scale
    hidden = draw(NODES, FEATURES).double()
    last = len(model.convolutions) - 1
    for number in range(last + 1):
        weight, bias = (
            model.state_dict().get(f"convolutions.{number}.{name}") for name in ("weight", "bias")
        )
        hidden = a_hat @ hidden @ weight.double()
        if bias is not None:
            hidden = hidden + bias.double()
        if number < last:
            hidden = hidden.clamp(min=0)
    return hidden.float()


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2, 5])
def test_logits_equal_those_of_dense_matrices(num_layers, bias, sparse):
    model = network(num_layers=num_layers, bias=bias)
    torch.testing.assert_close(model(graph(sparse)), dense_logits(model))
    shapes = [tuple(convolution.weight.shape) for convolution in model.convolutions]
    sizes = [FEATURES, *[5] * (num_layers - 1), CLASSES]
    assert shapes == list(zip(sizes[:-1], sizes[1:], strict=True))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2, 4])
def test_logits_equal_those_of_pyg(num_layers, bias):
    model = network(num_layers=num_layers, bias=bias)
    both_ways = torch.cat([EDGES, EDGES.flip(0)], dim=1)
    theirs = graph().features
    for number, convolution in enumerate(model.convolutions):
        layer = GCNConv(*convolution.weight.shape, bias=bias)
        state = OrderedDict({"lin.weight": convolution.weight.t()})
        if bias:
            state["bias"] = convolution.bias
        layer.load_state_dict(state)
        theirs = layer(theirs, both_ways)
        if number < num_layers - 1:
            theirs = theirs.relu()
    torch.testing.assert_close(model(graph()), theirs)


def test_the_hidden_layer_is_read_out():
    model, batch = network(num_layers=3), graph()
    hidden = model.hidden(batch)
    assert hidden.shape == (NODES, 5) and (hidden >= 0).all()
    torch.testing.assert_close(model.read_out(hidden, batch), model(batch))


def test_without_a_hidden_layer_it_is_the_features():
    batch = graph()
    assert network(num_layers=1).hidden(batch) is batch.features


# Dropout


@pytest.mark.parametrize("sparse", [False, True])
def test_dropout_acts_in_training_only(sparse):
    model, batch = network(dropout=0.5), graph(sparse)
    still = model(batch)
    assert torch.equal(model(batch), still)
    model.train()
    assert not torch.equal(model(batch), model(batch))
    torch.manual_seed(3)
    one = model(batch)
    torch.manual_seed(3)
    assert torch.equal(model(batch), one)
    assert torch.equal(model.eval()(batch), still)


def test_without_dropout_training_is_no_other():
    model, batch = network(dropout=0.0), graph()
    still = model(batch)
    assert torch.equal(model.train()(batch), still)


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_features_are_dropped_before_every_layer(num_layers, monkeypatch):
    """With a dropout that doubles all in its place, each layer doubles the logits."""
    asked = []

    def doubled(features, probability, training):
        asked.append((probability, training))
        return 2 * features

    monkeypatch.setattr(node_classifier, "dropout", doubled)
    model = network(num_layers=num_layers, dropout=0.3)
    expected = 2**num_layers * dense_logits(model)
    torch.testing.assert_close(model(graph()), expected)
    model.train()(graph())
    assert asked == [(0.3, False)] * num_layers + [(0.3, True)] * num_layers


# Training


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("decayed", [0, 1, 2, 3])
def test_weight_decay_acts_on_the_first_layers_alone(decayed, bias):
    model = network(num_layers=3, decayed_layers=decayed, bias=bias)
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameter_groups(), lr=1.0, weight_decay=0.5)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert len(before) == (6 if bias else 3)
    for name, value in model.named_parameters():
        layer = int(name.split(".")[1])
        torch.testing.assert_close(value, before[name] * (0.5 if layer < decayed else 1.0))


def test_the_papers_recipe_decays_the_first_of_two_layers():
    first, second = GCN().parameter_groups()
    assert [tuple(each.shape) for each in first["params"]] == [(1433, 16)]
    assert [tuple(each.shape) for each in second["params"]] == [(16, 7)]
    assert "weight_decay" not in first and second["weight_decay"] == 0


def test_a_step_learns_from_the_training_nodes_alone():
    model, batch = network(dropout=0.0), graph()
    logits = dense_logits(model)
    step = model.training_step(batch, 0)
    expected = sum(
        torch.logsumexp(logits[node], 0) - logits[node, node % CLASSES] for node in TRAINING
    ) / len(TRAINING)
    torch.testing.assert_close(step["loss"], expected)
    right = [int(logits[node].argmax()) == node % CLASSES for node in TRAINING]
    assert float(step["accuracy"]) == pytest.approx(sum(right) / len(TRAINING))

    step["loss"].backward()
    gradients = [convolution.weight.grad for convolution in model.convolutions]
    model.zero_grad()
    others = batch._replace(labels=batch.labels.clone())
    others.labels[VALIDATION + TEST] = 0
    model.training_step(others, 0)["loss"].backward()
    for convolution, gradient in zip(model.convolutions, gradients, strict=True):
        assert torch.equal(convolution.weight.grad, gradient) and gradient.any()


class Data(torch.utils.data.Dataset):
    """The graph, once."""

    def __len__(self):
        return 1

    def __getitem__(self, number):
        return graph()


def trainer(tmp_path, **settings):
    return Trainer(
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        **settings,
    )


def measured(model, nodes):
    logits, labels = dense_logits(model)[nodes], torch.tensor(nodes) % CLASSES
    accuracy = (logits.argmax(dim=1) == labels).double().mean()
    return float(F.cross_entropy(logits.double(), labels)), float(accuracy)


quiet = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers.*",
    "ignore:.*LeafSpec.*",
    "ignore:The number of training batches",
    "ignore:Trying to infer the `batch_size`",
)
LOADER = {"batch_size": None}


@quiet
@pytest.mark.parametrize(
    ("command", "stage", "nodes"),
    [("validate", "validation", VALIDATION), ("test", "test", TEST)],
)
def test_what_is_measured_apart_from_training(command, stage, nodes, tmp_path):
    model = network()
    loader = torch.utils.data.DataLoader(Data(), **LOADER)
    measuring = trainer(tmp_path)
    getattr(measuring, command)(model, loader, verbose=False)
    found = {name: float(value) for name, value in measuring.callback_metrics.items()}
    loss, accuracy = measured(model, nodes)
    assert found == pytest.approx({f"loss/{stage}": loss, f"accuracy/{stage}": accuracy})


@quiet
def test_a_validation_of_a_training_measures_the_test_nodes_too(tmp_path):
    model = network()
    loader = torch.utils.data.DataLoader(Data(), **LOADER)
    training = trainer(tmp_path, max_steps=3, num_sanity_val_steps=0)
    training.fit(model.train(), loader, loader)
    model.eval()
    expected = {}
    for stage, nodes in (("validation", VALIDATION), ("test", TEST)):
        expected[f"loss/{stage}"], expected[f"accuracy/{stage}"] = measured(model, nodes)
    found = {name: float(value) for name, value in training.callback_metrics.items()}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("better", [0.1, -5.0])
def test_the_best_is_that_of_the_lowest_loss(better):
    model = network()
    low = {"loss/validation": better, "accuracy/validation": 0.1, "loss/test": 9.0}
    high = {"loss/validation": 0.2, "accuracy/validation": 0.9, "loss/test": 0.0}
    assert model.score(low) > model.score(high)


def test_predictions_of_all_nodes():
    model = network()
    classes, probabilities = model.predict_step(graph(), 0)
    exponentials = dense_logits(model).double().exp()
    expected = exponentials / exponentials.sum(dim=1, keepdim=True)
    assert classes.tolist() == [max(range(CLASSES), key=row.__getitem__) for row in expected]
    torch.testing.assert_close(probabilities, expected.max(dim=1).values.float())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_layers": 0}, "num_layers must be at least 1, got 0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
        ({"dropout": -0.1}, "dropout must be at least 0 and below 1, got -0.1"),
        ({"dropout": float("nan")}, "dropout must be at least 0 and below 1, got nan"),
        ({"decayed_layers": 3}, "decayed_layers must be from 0 to num_layers 2, got 3"),
        ({"decayed_layers": -1}, "decayed_layers must be from 0 to num_layers 2, got -1"),
        ({"num_layers": 1, "decayed_layers": 2}, "decayed_layers must be from 0 to num_layers 1"),
        ({"hidden_size": 0}, "hidden_size must be at least 1, got 0"),
        ({"initialization": "xavir"}, "'xavir'"),
    ],
)
def test_what_is_out_of_range_is_named(settings, message):
    with pytest.raises(ValueError) as caught:
        GCN(**settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
