"""What the tests of the callbacks share: short trainings whose numbers are known beforehand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import ProgressBar

from callbacks import Ending
from command_line.trainer_settings import TRAINER_DEFAULTS
from datamodules import Palindromes
from lightning_modules import RRN


def pytest_collection_modifyitems(items):
    """Let pass here the two warnings that the command line silences as well."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            # Advice, and Lightning 2.6 on a newer torch.
            item.add_marker(pytest.mark.filterwarnings("ignore:.*does not have many workers.*"))
            item.add_marker(pytest.mark.filterwarnings("ignore:.*LeafSpec.*"))


@pytest.fixture(autouse=True)
def same_every_time(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)


@pytest.fixture
def scripted():
    """Make a network whose accuracies are known beforehand.

    `accuracies` are those of the training batches, in turn, and 0.0 after the last of them;
    `validations` are accuracy and loss of each validation. `at_batch` is called in each training
    batch, with the number of batches before it.

    No subclass of RRN, since the command line would offer it as one more model from then on.
    """

    def make(accuracies=(), validations=(), at_batch=lambda number: None):
        model = RRN(hidden_size=3)
        model.batches = 0
        measure, results = model.training_step, iter(validations)

        def training_step(batch, batch_idx):
            number, model.batches = model.batches, model.batches + 1
            at_batch(number)
            accuracy = accuracies[number] if number < len(accuracies) else 0.0
            return {**measure(batch, batch_idx), "accuracy": torch.tensor(accuracy)}

        def on_validation_epoch_end():
            for metrics in model.metrics.values():
                for metric in metrics.values():
                    metric.reset()
            accuracy, loss = next(results)
            model.log("accuracy/validation", accuracy, logger=False)
            model.log("loss/validation", loss, logger=False)

        model.training_step = training_step
        model.on_validation_epoch_end = on_validation_epoch_end
        return model

    return make


@pytest.fixture
def fit(tmp_path):
    """Train a model, by default for 5 steps and with nothing but these callbacks.

    Those that leave something behind at the end make it, as they do in a run.
    """

    def fit(model, *callbacks, data=None, ckpt_path=None, **settings):
        parts = [each for each in callbacks if hasattr(each, "finish")]
        watching = [each for each in callbacks if isinstance(each, Callback)]
        # The end after what counts the steps, and before what measures in the first one.
        watching.sort(key=lambda each: each in parts)
        watching.insert(sum(each not in parts for each in watching), Ending(parts))
        defaults = {
            "accelerator": "cpu",
            "devices": 1,
            "logger": False,
            "enable_progress_bar": any(isinstance(each, ProgressBar) for each in callbacks),
            "limit_val_batches": 0,
            "max_steps": 5,
            "default_root_dir": tmp_path,
        }
        trainer = Trainer(**{**TRAINER_DEFAULTS, **defaults, **settings}, callbacks=watching)
        data = data or Palindromes(length=3, batch_size=12, evaluation_size=4, training_seed=0)
        trainer.fit(model, data, ckpt_path=ckpt_path, weights_only=True)
        return trainer

    return fit


@pytest.fixture
def clock(monkeypatch):
    """The time in seconds of all that measures it; it stands still but for each `tick`."""
    clock = SimpleNamespace(now=1000.0)

    def tick(batch=0):
        clock.now += 1

    clock.tick = tick
    time = SimpleNamespace(perf_counter=lambda: clock.now, monotonic=lambda: clock.now)
    for module in (
        "callbacks.stopwatch",
        "callbacks.progress",
        "callbacks.how_far",
        "pytorch_lightning.callbacks.timer",
    ):
        monkeypatch.setattr(f"{module}.time", time)
    return clock
