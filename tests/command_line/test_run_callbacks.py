"""What a run's callbacks are asked for at every step."""

from __future__ import annotations

from pytorch_lightning import Callback

from callbacks import Convergence, Curves, TimeLimit
from command_line.run_callbacks import HOOKS_OF_A_STEP, without_idle_hooks


def test_only_what_a_callback_does_is_left_to_call():
    convergence = Convergence()
    callbacks = [convergence, Curves(convergence), TimeLimit("00:00:00:09"), Callback()]
    assert without_idle_hooks(callbacks) is callbacks
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
