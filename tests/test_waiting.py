"""A training as on a GPU asks for no number of the device, but where one is shown or kept."""

from __future__ import annotations

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from callbacks.late import Copy
from lightning_modules import GCN, GRU, RRN, CharGenerator
from tests.conftest import QUICK, ROOT, SMALL

LATE = 3
# What a GPU would be waited for.
aten = torch.ops.aten
OPERATIONS = {aten._local_scalar_dense, aten.is_nonzero, aten.nonzero, aten.equal}
METHODS = {"item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__"}


class Operations(TorchDispatchMode):
    def __init__(self, note):
        super().__init__()
        self.note = note

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket in OPERATIONS:
            self.note(str(function))
        return function(*args, **(kwargs or {}))


class Methods(TorchFunctionMode):
    """These may read memory of the CPU without any operation."""

    def __init__(self, note):
        super().__init__()
        self.note = note

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if getattr(function, "__name__", None) in METHODS:
            self.note(function.__name__)
        return function(*args, **(kwargs or {}))


@pytest.fixture
def reads(monkeypatch, train):
    """Train with a model: what each step reads of the device, and what it reads late."""

    def reads(model, *flags):
        by_step, is_late = {}, []

        def note(name):
            by_step[max(by_step)]["late" if is_late else "device"].append(name)

        training_step, make, read = model.training_step, Copy.__init__, Copy.read

        def begin(self, batch, batch_idx):
            by_step.setdefault(self.trainer.global_step + 1, {"device": [], "late": []})
            return training_step(self, batch, batch_idx)

        def make_and_date(self, numbers):
            make(self, numbers)
            self.step = max(by_step)

        def read_late(self):
            is_late.extend([True] * (max(by_step) - self.step >= LATE))
            try:
                return read(self)
            finally:
                is_late.clear()

        monkeypatch.setattr(model, "training_step", begin)
        monkeypatch.setattr(Copy, "__init__", make_and_date)
        monkeypatch.setattr(Copy, "read", read_late)
        by_step[0] = {"device": [], "late": []}
        with Operations(note), Methods(note):
            outcome = train(*flags)
        assert outcome.code == 0, outcome.err
        return by_step

    return reads


SHORT = ["--trainer.max_steps=30", "--trainer.val_check_interval=15", "--convergence.window=2"]
DIGITS = [*SMALL, *SHORT, "--model.backend=loop"]
LETTERS = ["fit", f"--config={ROOT / 'configs/characters.yaml'}", "--data.corpus=book.txt", *QUICK]
LETTERS += [*SHORT, "--model.backend=loop", "--model.hidden_size=8", "--data.length=10"]
LETTERS += ["--data.batch_size=4", "--samples.fractions=[0]"]
BY_VALUE = ["--trainer.gradient_clip_val=0.5", "--trainer.gradient_clip_algorithm=value"]
RUNS = {
    "by the norm": (RRN, [*DIGITS, "--trainer.gradient_clip_val=0.5"]),
    "by value": (RRN, [*DIGITS, *BY_VALUE]),
    "accumulated": (GRU, [*DIGITS, "--model=GRU", "--trainer.accumulate_grad_batches=2"]),
    "inhibitory": (RRN, [*DIGITS, "--model.inhibitory=true", "--optimizer=SGD"]),
    "on a schedule": (
        RRN,
        [*DIGITS, "--lr_scheduler=CosineAnnealingLR", "--lr_scheduler.T_max=50"],
    ),
    "letters": (CharGenerator, [*LETTERS, "--optimizer=SGD", "--optimizer.momentum=0.5"]),
    "graphs": (
        GCN,
        ["fit", f"--config={ROOT / 'configs/graphs.yaml'}", *QUICK, *SHORT, "--optimizer=RMSprop"],
    ),
}


@pytest.mark.parametrize("run", RUNS)
def test_steps_that_nothing_is_due_at_read_nothing(run, reads, tmp_path, monkeypatch):
    (tmp_path / "book.txt").write_text("abcdefgh ,.\n" * 80)
    monkeypatch.setattr("callbacks.late.lateness", lambda trainer: LATE)
    monkeypatch.setattr("lightning_modules.undoing.is_asynchronous", lambda tensor: True)
    model, flags = RUNS[run]
    by_step = reads(model, *flags)
    assert max(by_step) == 30
    # Curves, checkpoints and validations, and the step that makes the optimiser's state.
    due = {1, 7, 14, 15, 21, 28, 30}
    for step in range(1, 31):
        if step in due:
            assert by_step[step]["device"], step
        else:
            assert not by_step[step]["device"], step
            # One step's numbers, of three steps before, unless a curve has shown them already.
            assert len(by_step[step]["late"]) <= 1
    assert any(each["late"] for step, each in by_step.items() if step not in due)


def test_what_is_read_at_once_is_noticed(reads):
    """On a CPU numbers are read: so this test can tell."""
    by_step = reads(RRN, *DIGITS)
    assert all(by_step[step]["device"] for step in range(1, 31))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_not_waited_for(train, monkeypatch):
    training_step = RRN.training_step

    def watched(self, batch, batch_idx):
        # From the end of a step that reads to the beginning of the next one that does.
        step = self.trainer.global_step + 1
        torch.cuda.set_sync_debug_mode("error" if 8 < step < 13 else "default")
        return training_step(self, batch, batch_idx)

    monkeypatch.setattr(RRN, "training_step", watched)
    gpu = ["--trainer.accelerator=gpu", "--trainer.devices=1"]
    try:
        outcome = train(*SMALL, *SHORT, *gpu, "--trainer.gradient_clip_val=0.5")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert outcome.code == 0, outcome.err
