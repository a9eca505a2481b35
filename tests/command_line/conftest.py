"""What the tests of the command line share: commands that are only parsed, and runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from command_line.cli import TrainingCLI
from command_line.program import main

GENERATOR = "runs/characters/CharGenerator/mine"
ALPHABET = "\nabcdefg é🎭\u0301."


class Parsed(Exception):
    """A command has been understood; in place of its run."""


@pytest.fixture
def parse(tmp_path, monkeypatch) -> Callable[..., TrainingCLI]:
    """Understand a command as the program does, up to the settings and the folder of its run."""

    def stop(cli: TrainingCLI) -> None:
        raise Parsed(cli)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(TrainingCLI, "instantiate_classes", stop)

    def understand(*arguments: str) -> TrainingCLI:
        with pytest.raises(Parsed) as parsed:
            main(list(arguments))
        return parsed.value.args[0]

    return understand


@pytest.fixture(scope="module")
def small_run(start_process, tmp_path_factory) -> Callable[[list[str]], Path]:
    """Train with these flags, once, and return the run's folder."""
    folder = tmp_path_factory.mktemp("small")

    def train_once(flags: list[str]) -> Path:
        if not (folder / "runs").exists():
            process = start_process(flags, folder)
            process.join(120)
            assert process.exitcode == 0
        return folder / "runs/palindromes/RRN/small"

    return train_once


@pytest.fixture
def finished(small_run, small, tmp_path) -> Path:
    """A finished run in the working folder."""
    folder = tmp_path / "runs/palindromes/RRN/small"
    shutil.copytree(small_run(small), folder)
    return folder


@pytest.fixture
def alphabet(char_checkpoint) -> Callable[..., dict]:
    """A checkpoint whose network goes on with the vocabulary's next character, and round again."""

    def make(vocabulary: str = ALPHABET, **text: object) -> dict:
        size = len(vocabulary)
        one = torch.eye(size)
        made = char_checkpoint(vocabulary, **text)
        made["hyper_parameters"].update(cell="RNN", hidden_size=size, num_layers=1)
        made["state_dict"] = {
            "network.recurrent.layers.0.weight_ih": 10 * one,
            "network.recurrent.layers.0.weight_hh": 0 * one,
            "network.recurrent.layers.0.bias": torch.zeros(size),
            # Row: the next character; column: the one before.
            "network.readout.weight": 200 * one.roll(1, 0),
            "network.readout.bias": torch.zeros(size),
        }
        return made

    return make


@pytest.fixture
def save(tmp_path, monkeypatch) -> Callable[..., None]:
    """Write checkpoints of a run in the working folder."""
    monkeypatch.chdir(tmp_path)

    def write(checkpoint: object, name: str = "best") -> None:
        file = tmp_path / GENERATOR / "checkpoints" / f"{name}.ckpt"
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, file)

    return write
