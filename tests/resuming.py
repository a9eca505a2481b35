"""To cut off a run, and to tell whether the resumed one is the same as one never interrupted."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def signal_at(step: int, number: int) -> None:
    """Send this process a signal when `step` is complete but for its callbacks."""
    from callbacks import Convergence

    observe = Convergence.observe

    def observe_and_send(self, accuracy, at_step, is_task):
        observe(self, accuracy, at_step, is_task)
        if at_step == step:
            os.kill(os.getpid(), number)

    Convergence.observe = observe_and_send


def essence(folder: Path, curves_of, result_of) -> dict:
    """All of a run that must not depend on whether it was interrupted."""
    checkpoint = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)
    for state in checkpoint["callbacks"].values():
        state.pop("seconds", None)
    result = result_of(folder)
    for name in ("seconds", "steps_per_second"):
        result.pop(name)
    curves = curves_of(folder)
    curves = {name: curve for name, curve in curves.items() if not name.startswith("speed/")}
    return {
        "weights": checkpoint["state_dict"],
        "optimizer": checkpoint["optimizer_states"],
        "schedule": checkpoint["lr_schedulers"],
        "callbacks": checkpoint["callbacks"],
        "random": checkpoint["random_states"],
        "gradients": checkpoint["gradients"],
        "carried": checkpoint.get("carried_state"),
        "stages": checkpoint.get("Palindromes"),
        "step": checkpoint["global_step"],
        "curves": curves,
        "result": result,
    }


def assert_identical(one, other, where: str = "run") -> None:
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and torch.equal(one, other), where
    elif isinstance(one, dict):
        assert list(one) == list(other), f"{where}: {list(one)} and {list(other)}"
        for key in one:
            assert_identical(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), f"{where}: {one} and {other}"
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_identical(*pair, f"{where}[{number}]")
    else:
        assert one == other, f"{where}: {one} and {other}"
