"""The help comes at once, and every command in it works."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import train as program
from command_line.help import HELP
from command_line.run_folder import RunFolder
from comparison.grid import Run
from comparison.results import collect
from datamodules.planetoid import HASHES
from tests.tiny_planetoid import stand_in_for_cora

ROOT = Path(__file__).resolve().parents[2]
SLOW = {"torch", "pytorch_lightning", "jsonargparse", "numpy", "matplotlib"}
# Refused by what the sources say; configs are read to know which classes they choose.
TYPOS = [
    "compare --lenghts 3",
    "fit --trainer.max_stps 3",
    "--model LTSM",
    "--ckpt_path nowhere",
    "generate --ckpt_path nowhere",
    "compare --vary trainer.max_stps=3",
]
EXAMPLES = re.findall(
    r"^ *python train\.py\b(.*?)(?:   .*)?$", program.__doc__ + HELP, re.MULTILINE
)
# They take none of the flags of training.
OTHERS = ("generate", "play", "plot")
FLAGS = re.findall(r"^  (--\S.*?)  ", HELP, re.MULTILINE)
# None of these makes another run of it.
SHORT = [
    "--trainer.max_steps=2",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.limit_val_batches=1",
    "--trainer.limit_test_batches=1",
]


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("--help", 0),
        ("-h", 0),
        ("help", 0),
        ("tset", 2),
        ("generate --lenght 3", 2),
        ("play --lines x", 2),
        ("compare --jobs 0", 2),
        ("compare --vary x", 2),
        ("plot", 2),
        ("plot nowhere", 2),
        *((typo, 2) for typo in TYPOS),
    ],
)
def test_answers_before_anything_slow_is_imported(argument, code, tmp_path):
    command = [sys.executable, "-X", "importtime", ROOT / "train.py", *argument.split()]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    imported = set(re.findall(r"^import time:.*\| +([\w]+)", answer.stderr, re.MULTILINE))
    assert "command_line" in imported
    assert not imported & (SLOW if argument in TYPOS else {*SLOW, "yaml"})
    assert answer.returncode == code
    # A grid is shown before it is checked.
    assert answer.stdout == (HELP if code == 0 else "") or "--vary" in argument
    assert not list(tmp_path.iterdir())


def test_every_example_works(train, monkeypatch, tmp_path, char_checkpoint):
    generator = RunFolder(tmp_path / "runs/characters/CharGenerator/default")
    generator.checkpoints.mkdir(parents=True)
    torch.save(char_checkpoint(speakers=["a.", "b."]), generator.checkpoint("best"))
    collect(tmp_path / "comparisons/figures_3_4", [Run("RNN", (("data.length", "5"),), 0)])
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "data"))
    monkeypatch.setitem(HASHES, "cora", stand_in_for_cora(tmp_path / "data"))
    # One process carries all of them out, and would lock itself out of the run's folder.
    monkeypatch.setattr(RunFolder, "_lock", lambda self: None)
    done = set()
    for example in EXAMPLES:
        arguments = shlex.split(example)
        if "--help" in arguments or example in done:
            continue
        outcome = train(*arguments, *([] if {*OTHERS} & {*arguments} else SHORT))
        assert outcome.code == 0, f"python train.py{example}: {outcome.err}"
        done.add(example)
    assert len(done) >= 8


@pytest.mark.parametrize(
    "command", ["fit --help", *re.findall(r"\(all: (.+?)\)", HELP)], ids=lambda command: command
)
def test_lists_of_flags(command, train, capfd):
    with pytest.raises(SystemExit) as ended:
        train(*command.split())
    assert ended.value.code == 0
    expected = {"RRN": "--model.hidden_size", "Palindromes": "--data.length"}
    text = capfd.readouterr().out
    assert expected.get(command.split()[-1], "--trainer.max_steps") in text
    assert "<class" not in text


def test_every_flag_is_known(parse):
    flags = [flag for flag in FLAGS if not flag.startswith("--ckpt_path")]
    assert len(flags) >= 9
    # Of several choices the first.
    words = " ".join(flags).split()
    parsed = parse(*(word if word.startswith("-") else word.split("|")[0] for word in words))
    assert parsed.folder.path == Path("runs/palindromes/RNN/NAME")
    assert parsed.settings["trainer"]["strategy"] == "ddp"
