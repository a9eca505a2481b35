"""Which gradients a model clips and drops itself, and which it leaves to others."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.strategies import (
    DDPStrategy,
    DeepSpeedStrategy,
    FSDPStrategy,
    SingleDeviceStrategy,
)
from pytorch_lightning.utilities import GradClipAlgorithmType

from datamodules import Palindromes, Text
from lightning_modules import RNN, CharGenerator
from lightning_modules.undoing import Undoing

SCALER = SimpleNamespace(scaler=object())
UNSCALED = SimpleNamespace(scaler=None)
# Whose gradients: by the strategy, the precision, and whether the optimiser undoes a scale.
OURS = {
    "one device": (SingleDeviceStrategy, SimpleNamespace(), True),
    "several devices": (DDPStrategy, SimpleNamespace(), False),
    "mixed precision": (SingleDeviceStrategy, SCALER, False),
    "mixed precision without a scale": (SingleDeviceStrategy, UNSCALED, True),
}
LIGHTNINGS = {
    "shards": (FSDPStrategy, SimpleNamespace(), False),
    "shards of DeepSpeed": (DeepSpeedStrategy, SimpleNamespace(), False),
    "still scaled": (SingleDeviceStrategy, SCALER, True),
}


@pytest.fixture
def clip(monkeypatch):
    """Ask a model to clip a gradient of norm 20 to 0.5; the model, and whether Lightning does."""

    def clip(strategy, precision, undoes_scale, algorithm="norm"):
        model, left = RNN(hidden_size=3), []
        model.readout.bias.grad = torch.tensor([12.0, -16.0, *[0.0] * 8])
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        optimizer._step_supports_amp_scaling = undoes_scale
        precision.main_params = lambda optimizer: model.parameters()
        trainer = SimpleNamespace(strategy=object.__new__(strategy), precision_plugin=precision)
        monkeypatch.setattr(RNN, "trainer", trainer)
        monkeypatch.setattr(model, "clip_gradients", lambda *arguments: left.append(arguments))
        model.configure_gradient_clipping(optimizer, 0.5, algorithm)
        return model, left == [(optimizer, 0.5, algorithm)]

    return clip


@pytest.mark.parametrize("case", OURS)
def test_whole_gradients_are_clipped_here(case, clip):
    model, left = clip(*OURS[case])
    assert not left and model.clipping.norm == 20
    assert model.readout.bias.grad.tolist()[:2] == pytest.approx([0.3, -0.4])


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        (None, [0.3, -0.4]),
        (GradClipAlgorithmType.NORM, [0.3, -0.4]),
        (GradClipAlgorithmType.VALUE, [0.5, -0.5]),
    ],
)
def test_as_the_trainer_says(algorithm, expected, clip):
    model, _ = clip(*OURS["one device"], algorithm)
    assert model.readout.bias.grad.tolist()[:2] == pytest.approx(expected)


@pytest.mark.parametrize("case", OURS)
def test_only_gradients_with_a_scale_are_waited_for(case, clip, monkeypatch):
    """The scaler reads whether they are finite in any case, and acts upon it."""
    asked = []
    monkeypatch.setattr(Undoing, "is_possible", lambda *arguments: not asked.append(arguments))
    model, _ = clip(*OURS[case])
    assert len(asked) == (OURS[case][1] is not SCALER)
    # What is undone later has been kept.
    assert (model.undoing._finite is not None) == bool(asked)
    assert model.clipping.norm == 20
    assert model.readout.bias.grad.tolist()[:2] == pytest.approx([0.3, -0.4])


@pytest.mark.parametrize("case", LIGHTNINGS)
def test_others_are_left_to_lightning(case, clip):
    model, left = clip(*LIGHTNINGS[case])
    assert left and model.clipping.norm is None
    assert float(model.readout.bias.grad.norm()) == 20


def test_gradients_are_dropped():
    model = RNN(hidden_size=3)
    groups = [{"params": model.recurrent.parameters()}, {"params": model.readout.parameters()}]
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    model.optimizer_zero_grad(0, 0, torch.optim.SGD(groups, lr=1.0))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_an_optimiser_may_drop_them_in_a_way_of_its_own():
    class Kept(torch.optim.SGD):
        def zero_grad(self, set_to_none=True):
            super().zero_grad(set_to_none=False)

    model = RNN(hidden_size=3)
    model.readout.bias.grad = torch.ones(10)
    model.optimizer_zero_grad(0, 0, Kept(model.parameters(), lr=1.0))
    assert model.readout.bias.grad.tolist() == [0.0] * 10


@pytest.fixture
def experiment(request, tmp_path):
    """A model that is not trained, and small data to measure it on."""
    torch.manual_seed(0)
    if request.param == "palindromes":
        return RNN(hidden_size=3), Palindromes(
            length=3, batch_size=4, evaluation_size=12, training_seed=0
        )
    (tmp_path / "corpus.txt").write_text("to be, or not to be\n" * 60)
    data = Text(corpus=str(tmp_path / "corpus.txt"), length=20, batch_size=4, training_seed=0)
    data.prepare_data()
    data.setup("validate")
    return CharGenerator(hidden_size=3, num_classes=data.num_classes), data


def outside_of_the_program(tmp_path, **settings):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    settings = {**quiet, "default_root_dir": tmp_path, **settings}
    return Trainer(accelerator="cpu", devices=1, enable_checkpointing=False, **settings)


@pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
@pytest.mark.parametrize("experiment", ["palindromes", "text"], indirect=True)
@pytest.mark.parametrize("stage", ["validation", "test"])
@pytest.mark.parametrize("logs", [False, True])
def test_who_measures_from_python_gets_what_was_measured(experiment, stage, logs, tmp_path, capsys):
    model, data = experiment
    logger = CSVLogger(tmp_path) if logs else False
    trainer = outside_of_the_program(tmp_path, logger=logger)
    measure = trainer.validate if stage == "validation" else trainer.test
    (found,) = measure(model, data)
    assert f"loss/{stage}" in capsys.readouterr().out
    logits, targets = [], []
    model.eval()
    loader = data.val_dataloader() if stage == "validation" else data.test_dataloader()
    with torch.no_grad():
        for batch in loader:
            for each, those in zip((logits, targets), model.predictions(batch), strict=True):
                each.append(those)
    logits, targets = torch.cat(logits), torch.cat(targets)
    expected = {
        f"loss/{stage}": F.cross_entropy(logits, targets).item(),
        f"accuracy/{stage}": (logits.argmax(1) == targets).double().mean().item(),
    }
    assert found == pytest.approx(expected, rel=1e-5)

    measure(model, data, verbose=False)
    assert f"loss/{stage}" not in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
@pytest.mark.parametrize("experiment", ["palindromes", "text"], indirect=True)
def test_who_predicts_from_python_gets_classes_and_their_probabilities(experiment, tmp_path):
    model, data = experiment
    data.setup("test")
    found = outside_of_the_program(tmp_path).predict(model, data.test_dataloader())
    model.eval()
    for (classes, probabilities), batch in zip(found, data.test_dataloader(), strict=True):
        logits, targets = model.predictions(batch)
        assert torch.equal(classes, logits.argmax(1)) and classes.shape == targets.shape
        likely = logits.exp() / logits.exp().sum(1, keepdim=True)
        torch.testing.assert_close(probabilities, likely.amax(1))
