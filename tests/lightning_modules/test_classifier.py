"""The classifiers: what they compute, what they are made of, and how they are measured."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from pytorch_lightning import Trainer

import layers
from datamodules.palindromes import TRAINING, Palindromes, draw_palindromes
from layers import initialization
from lightning_modules import GRU, LSTM, RNN, RRN, SequenceClassifier

every_model = pytest.mark.parametrize("model_class", [RNN, LSTM, RRN, GRU])
every_encoding = pytest.mark.parametrize("encoding", ["scalar", "one_hot"])

# The two that the command line silences as well: advice, and Lightning 2.6 on a newer torch.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
]

B, T, H = 6, 5, 7


@pytest.fixture(autouse=True)
def same_every_time(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)


@pytest.fixture
def trainer(tmp_path):
    """A Trainer as one makes it without the command line, that leaves nothing behind."""

    def make(**settings):
        return Trainer(
            accelerator="cpu",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
            **settings,
        )

    return make


def make_batch(length=T, count=B, step=0):
    return draw_palindromes(count, length, seed=0, stream=TRAINING, step=step)


# What they compute


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_scalar_encoding(dtype):
    model = RNN(encoding="scalar", hidden_size=H).to(dtype)
    digits, _ = make_batch()
    encoded = model.encode(digits)
    assert encoded.shape == (T, B, 1) and encoded.dtype == dtype
    for b in range(B):
        for t in range(T):
            assert encoded[t, b, 0] == digits[b, t]


@pytest.mark.parametrize("num_classes", [10, 12])
def test_one_hot_encoding(num_classes):
    model = RNN(encoding="one_hot", hidden_size=H, num_classes=num_classes)
    digits, _ = make_batch()
    assert torch.equal(model.encode(digits), digits.T)
    assert model.recurrent.input_size == num_classes


@every_encoding
@every_model
def test_forward_reads_out_the_last_state(model_class, encoding):
    model = model_class(encoding=encoding, hidden_size=H, initialization="torch").double()
    digits, _ = make_batch()

    state = model.recurrent.initial_state(B)
    for column in digits.unbind(dim=1):
        if encoding == "scalar":
            inputs = column.double().reshape(B, 1)
        else:
            inputs = torch.eye(10, dtype=torch.float64)[column]
        hidden, state = model.recurrent.step(inputs, state)
    expected = hidden @ model.readout.weight.T + model.readout.bias

    logits = model(digits)
    assert logits.shape == (B, 10) and logits.dtype == torch.float64
    torch.testing.assert_close(logits, expected)


@every_model
def test_layer_is_that_of_the_name(model_class):
    model = model_class(hidden_size=H)
    assert type(model.recurrent) is getattr(layers, model_class.__name__)
    assert (model.recurrent.input_size, model.recurrent.hidden_size) == (1, H)


@every_model
def test_loss_and_accuracy_of_a_training_step(model_class):
    model = model_class(hidden_size=H, initialization="torch").double()
    digits, target = make_batch(count=50)
    # So that some are right: chance alone might have none.
    target[:20] = model(digits[:20]).argmax(dim=1)
    outputs = model.training_step((digits, target), 0)

    logits = model(digits)
    by_hand = -(logits.exp() / logits.exp().sum(dim=1, keepdim=True)).log()[range(50), target]
    torch.testing.assert_close(outputs["loss"], by_hand.mean())
    torch.testing.assert_close(outputs["loss"], F.cross_entropy(logits, target))
    right = sum(int(row.argmax()) == int(digit) for row, digit in zip(logits, target, strict=True))
    assert 20 <= right < 50
    assert outputs["accuracy"] == pytest.approx(right / 50)
    assert outputs["loss"].requires_grad and not outputs["accuracy"].requires_grad


@every_encoding
@every_model
def test_gradients_reach_all_parameters(model_class, encoding):
    model = model_class(encoding=encoding, hidden_size=H, initialization="torch")
    model.training_step(make_batch(count=30), 0)["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


# What they are made of

# Of the cell, as in the study; the readout has n weights and a bias for each class.
PARAMETERS = {
    RNN: lambda n, d: n**2 + d * n + n,
    LSTM: lambda n, d: 4 * (n**2 + d * n + n),
    RRN: lambda n, d: 2 * (n**2 + d * n + n),
    GRU: lambda n, d: 3 * (n**2 + d * n + n) + n,
}


@pytest.mark.parametrize("num_classes", [10, 3])
@pytest.mark.parametrize("hidden_size", [1, 5, 128])
@every_encoding
@every_model
def test_number_of_parameters(model_class, encoding, hidden_size, num_classes):
    model = model_class(encoding=encoding, hidden_size=hidden_size, num_classes=num_classes)
    inputs = 1 if encoding == "scalar" else num_classes
    expected = PARAMETERS[model_class](hidden_size, inputs) + num_classes * (hidden_size + 1)
    assert sum(p.numel() for p in model.parameters()) == expected
    assert all(p.requires_grad for p in model.parameters())


@every_model
def test_initialization_reaches_layer_and_readout(model_class, monkeypatch):
    def constant(block, role, hidden_size):
        torch.nn.init.constant_(block, hidden_size)

    way = initialization.Initialization(constant)
    monkeypatch.setitem(initialization.INITIALIZATIONS, "constant", way)
    model = model_class(hidden_size=H, initialization="constant")
    assert all((parameter == H).all() for parameter in model.parameters())


def test_defaults_are_those_of_the_default_config():
    model = RRN()
    for weight in (model.readout.weight, model.recurrent.weight_hh, model.recurrent.bias):
        assert float(weight.detach().abs().max()) == pytest.approx(128**-0.5, rel=0.05)
    assert model.encoding == "scalar" and model.recurrent.hidden_size == 128


def test_forget_bias_reaches_the_layer():
    def biases(**settings):
        return LSTM(hidden_size=H, initialization="xavier", **settings).recurrent.bias.chunk(4)

    assert [set(gate.tolist()) for gate in biases()] == [{0.0}] * 4
    lifted = biases(forget_bias=1.5)
    assert [set(gate.tolist()) for gate in lifted] == [{0.0}, {1.5}, {0.0}, {0.0}]


def test_what_cannot_be_made():
    with pytest.raises(ValueError, match=r"^hidden_size must be at least 1, got 0$"):
        GRU(hidden_size=0)
    with pytest.raises(ValueError, match=r"^unknown initialization 'xaver', did you mean 'xavier'"):
        RNN(initialization="xaver")
    with pytest.raises(TypeError, match="abstract class SequenceClassifier .*layer"):
        SequenceClassifier()


def test_study_optimizer_by_default():
    model = RNN(hidden_size=H)
    optimizer = model.configure_optimizers()
    assert type(optimizer) is torch.optim.RMSprop
    (group,) = optimizer.param_groups
    assert group["lr"] == 1e-3 and group["params"] == list(model.parameters())


# How they are measured


def results_of(trainer, stage, model, data):
    """Validate or test a model: the numbers that Lightning hands out to callbacks."""
    getattr(trainer, stage)(model, data, verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def measured(model, batches):
    """Mean loss and accuracy of all examples at once."""
    digits, target = (torch.cat(parts) for parts in zip(*batches, strict=True))
    with torch.no_grad():
        logits = model(digits)
    accuracy = (logits.argmax(dim=1) == target).double().mean()
    return {"loss": float(F.cross_entropy(logits, target)), "accuracy": float(accuracy)}


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_unequal_batches_are_measured_as_one(stage, trainer):
    model = GRU(hidden_size=H, initialization="torch", encoding="one_hot")
    # Three batches of 16 and one of 2.
    data = Palindromes(length=3, batch_size=16, evaluation_size=50)
    loader = data.val_dataloader() if stage == "validate" else data.test_dataloader()
    batches = list(loader)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    expected = measured(model, batches)
    mean_of_means = sum(measured(model, [batch])["loss"] for batch in batches) / len(batches)
    assert abs(mean_of_means - expected["loss"]) > 1e-3

    suffix = {"validate": "validation", "test": "test"}[stage]
    results = results_of(trainer(), stage, model, data)
    assert results.keys() == {f"loss/{suffix}", f"accuracy/{suffix}"}
    for name, value in expected.items():
        assert results[f"{name}/{suffix}"] == pytest.approx(value, abs=1e-6)


def test_every_validation_starts_anew(trainer):
    model = RNN(hidden_size=H, initialization="torch")
    data = Palindromes(length=3, batch_size=16, evaluation_size=50)
    once, other = trainer(), trainer()
    first = results_of(once, "validate", model, data)
    with torch.no_grad():
        model.readout.bias[3] += 5
    second = results_of(once, "validate", model, data)
    assert second == results_of(other, "validate", copy.deepcopy(model), data) != first


def test_one_loss_that_is_no_number_is_not_hidden(trainer):
    model = RNN(hidden_size=H)
    forward = model.forward
    model.forward = lambda digits: torch.where(digits[:, :1] == 0, math.nan, forward(digits))
    data = Palindromes(length=3, batch_size=16, evaluation_size=50)
    results = results_of(trainer(), "validate", model, data)
    assert math.isnan(results["loss/validation"])


# Without the command line


@every_model
def test_fit_is_a_plain_training_loop(model_class, trainer):
    model = model_class(encoding="one_hot", hidden_size=H, initialization="torch")
    twin = copy.deepcopy(model)
    trainer(max_steps=4, limit_val_batches=0).fit(
        model, Palindromes(length=T, batch_size=8, training_seed=5)
    )

    optimizer = torch.optim.RMSprop(twin.parameters(), lr=1e-3)
    for step in range(4):
        digits, target = draw_palindromes(8, T, seed=5, stream=TRAINING, step=step)
        optimizer.zero_grad()
        F.cross_entropy(twin(digits), target).backward()
        optimizer.step()
    for name, parameter in twin.named_parameters():
        assert torch.equal(parameter, model.get_parameter(name)), name


def test_learns_within_seconds(trainer):
    data = Palindromes(length=2, batch_size=64, evaluation_size=256)
    model = RRN(encoding="one_hot", hidden_size=32, initialization="torch")
    model.configure_optimizers = lambda: torch.optim.Adam(model.parameters(), lr=0.01)
    fit = trainer(max_steps=80, val_check_interval=80, check_val_every_n_epoch=None)
    fit.fit(model, data)
    assert float(fit.callback_metrics["accuracy/validation"]) == 1.0
    assert results_of(fit, "test", model, data)["accuracy/test"] == 1.0


@pytest.mark.parametrize(
    "model_class, further",
    [(RNN, {}), (LSTM, {"forget_bias": 1.5}), (RRN, {"inhibitory": True}), (GRU, {})],
)
def test_checkpoint_gives_back_the_model(model_class, further, train, small):
    name = model_class.__name__
    flags = [f"--model.{key}={value}" for key, value in further.items()]
    assert train(f"--model={name}", *small, "--trainer.max_steps=3", *flags).code == 0
    checkpoint = Path(f"runs/palindromes/{name}/small/checkpoints/last.ckpt")

    model = model_class.load_from_checkpoint(checkpoint, map_location="cpu", weights_only=True)

    saved = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert saved.keys() == model.state_dict().keys() == dict(model.named_parameters()).keys()
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, saved[key]), key
    expected = {"encoding": "one_hot", "hidden_size": 8, "num_classes": 10, **further}
    assert {key: model.hparams[key] for key in expected} == expected
    assert type(model) is model_class and model.recurrent.input_size == 10
    assert model(make_batch()[0]).shape == (B, 10)


def test_inhibitory_weights_stay_at_or_below_zero_while_training(train, small):
    for flag, expected in (("true", True), ("false", False)):
        run = [f"--model.inhibitory={flag}", f"--run.name={flag}"]
        assert train(*small, *run).code == 0
        checkpoint = f"runs/palindromes/RRN/{flag}/checkpoints/last.ckpt"
        weights = torch.load(checkpoint, weights_only=True)["state_dict"]["recurrent.weight_hh"]
        assert bool((weights <= 0).all()) is expected
        # Some would have become positive.
        assert not expected or (weights == 0).any()
