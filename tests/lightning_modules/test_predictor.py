"""Which gradients a model clips and drops itself, and which it leaves to others."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning.strategies import (
    DDPStrategy,
    DeepSpeedStrategy,
    FSDPStrategy,
    SingleDeviceStrategy,
)
from pytorch_lightning.utilities import GradClipAlgorithmType

from lightning_modules import RNN
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
