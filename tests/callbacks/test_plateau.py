"""The plateau: the learning rate is lowered by the validation that calls for it."""

from __future__ import annotations

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.cli import ReduceLROnPlateau

from callbacks import Plateau

# Losses of the validations after steps 2, 4, 6, ...; patience 1 bears one that is not better.
LOSSES = [1.0, 1.0, 0.5, 0.6, 0.7, 0.1, 0.2, 0.3, 0.05]
# The rate is cut after step 10, by the second one in a row, and after step 16.
RATES = [0.5] * 10 + [0.05] * 6 + [0.005] * 2


class Rates(Callback):
    """Note the learning rate that each step is taken with."""

    def __init__(self):
        self.of_steps = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        self.of_steps.append(optimizer.param_groups[0]["lr"])


def with_plateau(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model.configure_optimizers = lambda: optimizer
    scheduler = ReduceLROnPlateau(optimizer, monitor="loss/validation", patience=1, factor=0.1)
    return model, Plateau(scheduler), Rates()


def test_lowers_the_rate_at_the_right_validation(fit, scripted):
    model, plateau, rates = with_plateau(scripted(validations=[(0.0, loss) for loss in LOSSES]))
    fit(model, plateau, rates, max_steps=18, limit_val_batches=1, val_check_interval=2)
    assert rates.of_steps == pytest.approx(RATES)


@pytest.mark.parametrize("cut", [8, 10])
def test_goes_on_where_it_was(fit, scripted, tmp_path, cut):
    settings = {"limit_val_batches": 1, "val_check_interval": 2}
    validations = [(0.0, loss) for loss in LOSSES]
    model, plateau, rates = with_plateau(scripted(validations=validations[: cut // 2]))
    checkpoint = tmp_path / "cut.ckpt"
    fit(model, plateau, rates, max_steps=cut, **settings).save_checkpoint(checkpoint)
    torch.load(checkpoint, weights_only=True)

    model, plateau, more = with_plateau(scripted(validations=validations[cut // 2 :]))
    fit(model, plateau, more, max_steps=18, ckpt_path=checkpoint, **settings)
    assert rates.of_steps + more.of_steps == pytest.approx(RATES)


def test_validating_without_training_does_not_count(fit, scripted):
    model, plateau, rates = with_plateau(scripted(validations=[(0.0, 1.0)] * 9))
    settings = {"limit_val_batches": 1, "val_check_interval": 1, "num_sanity_val_steps": 1}
    trainer = fit(model, plateau, rates, max_steps=2, **settings)
    assert plateau.scheduler.last_epoch == 2
    for _ in range(5):
        trainer.validate(model, trainer.datamodule, verbose=False)
    assert plateau.scheduler.last_epoch == 2
