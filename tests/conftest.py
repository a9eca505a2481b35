"""What the tests share: small runs of the program, in this process or in one of their own."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

# Tests run beside each other on few cores, and a forked process must not inherit busy threads.
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parent.parent

# Long enough to validate and to write checkpoints a few times.
QUICK = [
    "--trainer.accelerator=cpu",
    "--trainer.max_steps=60",
    "--trainer.log_every_n_steps=7",
    "--trainer.val_check_interval=20",
    "--checkpoints.every_n_steps=15",
    "--trainer.enable_progress_bar=false",
    "--run.name=small",
]
# A run of a second, on any machine.
SMALL = [
    "--model.hidden_size=8",
    "--model.encoding=one_hot",
    "--data.length=4",
    "--data.batch_size=16",
    "--data.evaluation_size=48",
    "--optimizer.lr=0.01",
    *QUICK,
]


# The same as a config, for the runs of a comparison, which bring names of their own.
SMALL_CONFIG = """\
seed_everything: 0
threads: 1
model: {class_path: RRN, init_args: {hidden_size: 8, encoding: one_hot}}
data: {class_path: Palindromes, init_args: {length: 4, batch_size: 16, evaluation_size: 48}}
optimizer: {class_path: RMSprop, init_args: {lr: 0.01}}
convergence: {threshold: null}
checkpoints: {every_n_steps: 15}
trainer: {accelerator: cpu, max_steps: 60, log_every_n_steps: 7, val_check_interval: 20, devices: 1}
run: {experiment: small}
"""


@dataclass
class Outcome:
    """Of a command: its exit code, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def compiling_in_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell nobody in this process, since it is chance which test is the first to need a kernel."""
    for function in ("begins", "ends"):
        monkeypatch.setattr(f"layers.compiling.{function}", lambda _: None)


@pytest.fixture
def small() -> list[str]:
    """Flags of a small run, which ends in runs/palindromes/RRN/small."""
    return list(SMALL)


@pytest.fixture
def small_config(tmp_path: Path) -> Path:
    """A config of small runs."""
    file = tmp_path / "small.yaml"
    file.write_text(SMALL_CONFIG)
    return file


@pytest.fixture
def train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Carry out `python train.py ARGUMENTS` in this process, in an empty folder."""
    from command_line.program import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)

    def carry_out(*arguments: str) -> Outcome:
        capfd.readouterr()
        code = main(list(arguments))
        return Outcome(code, *capfd.readouterr())

    return carry_out


def _in_new_process(arguments: list[str], folder: str, prepare: Callable[[], None] | None) -> None:
    from command_line.program import main

    os.chdir(folder)
    torch.set_num_threads(1)
    for stream, name in ((1, "out.txt"), (2, "err.txt")):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, stream)
    if prepare:
        prepare()
    sys.exit(main(arguments))


@pytest.fixture(scope="session")
def start_process() -> Callable[..., multiprocessing.Process]:
    """Start `python train.py ARGUMENTS` in a process of its own, and in a folder.

    The processes are forked from one that has imported everything, so that each starts at once.
    `prepare`, a picklable function, is called in the process before the program.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["command_line.cli", "tensorboard"])

    def start(
        arguments: list[str], folder: Path, prepare: Callable[[], None] | None = None
    ) -> multiprocessing.Process:
        process = context.Process(target=_in_new_process, args=(arguments, str(folder), prepare))
        process.start()
        return process

    return start


@pytest.fixture
def train_in_process(start_process, tmp_path: Path) -> Callable[..., Outcome]:
    """Carry out a command in a process of its own, and wait for it."""

    def carry_out(
        *arguments: str, folder: Path = tmp_path, prepare: Callable[[], None] | None = None
    ) -> Outcome:
        folder.mkdir(parents=True, exist_ok=True)
        process = start_process(list(arguments), folder, prepare)
        process.join(120)
        assert process.exitcode is not None, "the run hangs"
        texts = [(folder / name).read_text() for name in ("out.txt", "err.txt")]
        return Outcome(process.exitcode, *texts)

    return carry_out


@pytest.fixture
def curves_of() -> Callable[[Path], dict[str, list[tuple[int, float]]]]:
    """Read the scalars of a run as TensorBoard shows them: tag to (step, value) in order."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        events.Reload()
        return {
            tag: [(event.step, event.value) for event in events.Scalars(tag)]
            for tag in events.Tags()["scalars"]
        }

    return read


@pytest.fixture
def result_of() -> Callable[[Path], dict]:
    """Read result.json of a run."""
    return lambda folder: json.loads((folder / "result.json").read_text())


@pytest.fixture
def char_checkpoint() -> Callable[..., dict]:
    """What Lightning writes of a CharGenerator under LightningCLI, as far as writing needs it."""

    def make(vocabulary: str = "\n .:abcdeé🎭", cell: str = "LSTM", **text: object) -> dict:
        from layers import CharacterNetwork

        torch.manual_seed(0)
        network = CharacterNetwork(cell, len(vocabulary), 8, num_layers=2)
        weights = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
        return {
            "config": {"model": {"class_path": "lightning_modules.CharGenerator"}},
            "global_step": 3,
            # The number of classes comes from the data, so that here stands the default.
            "hyper_parameters": {
                "_class_path": "lightning_modules.CharGenerator",
                "_instantiator": "pytorch_lightning.cli.instantiate_module",
                "cell": cell,
                "hidden_size": 8,
                "num_layers": 2,
                "dropout": 0.1,
                "initialization": "orthogonal",
                "num_classes": 256,
            },
            "state_dict": {**weights, "metrics.total": torch.ones(1)},
            "Text": {"vocabulary": vocabulary, "text_hash": "", "corpus": "letters", **text},
        }

    return make
