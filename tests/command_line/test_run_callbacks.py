"""What a run's callbacks are asked for at every step."""

from __future__ import annotations

from pytorch_lightning import Callback, LightningModule

from callbacks import Convergence, Curves, TimeLimit
from command_line.run_callbacks import HOOKS_OF_A_STEP, hide_idle_hooks
from lightning_modules import GRU, RNN


def test_only_what_a_callback_does_is_left_to_call():
    convergence = Convergence()
    callbacks = [convergence, Curves(convergence), TimeLimit("00:00:00:09"), Callback()]
    hide_idle_hooks(Callback, callbacks)
    left = [
        [hook for hook in HOOKS_OF_A_STEP if callable(getattr(callback, hook))]
        for callback in callbacks
    ]
    assert left == [
        ["on_train_batch_end"],
        ["on_before_optimizer_step", "on_train_batch_end"],
        ["on_train_batch_end"],
        [],
    ]
    assert all(callable(callback.on_train_start) for callback in callbacks)


def test_only_what_a_model_does_is_left_to_call(monkeypatch):
    monkeypatch.setattr(GRU, "on_after_backward", lambda self: None)
    models = [RNN(hidden_size=3), GRU(hidden_size=3)]
    hide_idle_hooks(LightningModule, models)
    left = [
        [hook for hook in HOOKS_OF_A_STEP if callable(getattr(model, hook))] for model in models
    ]
    assert left == [[], ["on_after_backward"]]
    assert all(callable(model.on_fit_start) for model in models)
