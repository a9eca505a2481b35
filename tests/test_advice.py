"""Every command that a run prints is carried out, in the state in which it is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import ROOT, SMALL

TEXT = "to be or not to be: that is the question.\n" * 40
SHORT = ["--trainer.max_steps=6", "--checkpoints.every_n_steps=6", "--trainer.val_check_interval=6"]
GENERATOR = [
    *(f"--config={ROOT}/configs/characters.yaml", "--data.corpus=to be.v2.txt"),
    *("--model.hidden_size=8", "--model.num_layers=1", "--data.length=8", "--data.batch_size=4"),
    *("--samples.length=5", "--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false"),
    "--run.name=small",
]
GRAPH = [
    *(f"--config={ROOT}/configs/graphs.yaml", "--trainer.accelerator=cpu"),
    *("--trainer.enable_progress_bar=false", "--run.name=small"),
]
CYCLE = ["--lr_scheduler=OneCycleLR", "--lr_scheduler.max_lr=0.1"]
# Flags of a run; and what its advice must hold, or must not.
RUNS = {
    "converged at its last step": (
        [*SMALL, "--convergence.threshold=0.01", "--trainer.max_steps=5"],
        ["--convergence.window 50 --trainer.max_steps 10\n", "until the mean of 50 steps is 0.01"],
        [],
    ),
    "in the middle of a schedule, at a place to be quoted": (
        [*SMALL, *SHORT, *CYCLE, "--lr_scheduler.total_steps=8", "--run.root=it's here"],
        ["--trainer.max_steps 8\n", "trains on to step 8\n", "--model RNN   (or LSTM, GRU)"],
        [],
    ),
    "at the end of a schedule": (
        [*SMALL, *SHORT, *CYCLE, "--lr_scheduler.epochs=2", "--lr_scheduler.steps_per_epoch=3"],
        ["--model RNN"],
        ["resume", "max_steps"],
    ),
    "weights for gates alone, out of time": (
        [
            *(*SMALL, "--model=GRU", "--model.initialization=chrono:9"),
            *("--convergence.threshold=null", "--trainer.max_steps=99999"),
            "--trainer.max_time=00:00:00:01",
        ],
        ["trains on for as long again, at most to step 99999\n", "--model LSTM\n"],
        ["(or"],
    ),
    "a generator of a text whose name looks like a class": (
        [*GENERATOR, *SHORT],
        ["--model.cell RNN --run.name small,cell=RNN", "generate --ckpt_path"],
        ["--model ", "predict"],
    ),
    "a callback of somebody's own": (
        [*SMALL, *SHORT, "--trainer.callbacks=mine.Mine"],
        ["fit --config runs/palindromes/RRN/small/config.yaml --ckpt_path "],
        [],
    ),
    "a graph network out of patience": (
        [*GRAPH, "--early_stopping.patience=1", "--early_stopping.min_delta=9"],
        ["--early_stopping.patience null\n", "better or not, at most to step", "predict"],
        ["generate"],
    ),
}


def commands(text: str) -> list[list[str]]:
    """What `python train.py` is told, in each line of a text."""
    return [
        shlex.split(found.partition("   (")[0])
        for found in re.findall(r"^.*?python train\.py (.*)$", text, re.MULTILINE)
    ]


@pytest.mark.parametrize("case", RUNS)
def test_every_command_that_a_run_prints_works(case, train, tmp_path, monkeypatch):
    flags, holds, lacks = RUNS[case]
    (tmp_path / "to be.v2.txt").write_text(TEXT)
    own = "from pytorch_lightning import Callback\nclass Mine(Callback): pass\n"
    (tmp_path / "mine.py").write_text(own)
    monkeypatch.syspath_prepend(tmp_path)
    ended = train("fit", *flags)
    assert ended.code == 0, ended.err
    for words in holds:
        assert words in ended.out
    for words in lacks:
        assert words not in ended.out
    # The same command again tells the same.
    again = train("fit", *flags)
    assert again.code == 0 and commands(again.out) == commands(ended.out) != []
    for command in commands(ended.out):
        outcome = train(*command)
        assert outcome.code == 0, (command, outcome.err)
        assert "finished already" not in outcome.out


def test_what_is_there_already_is_not_advised(train, small):
    models = ("RNN", "LSTM", "GRU")
    for model in models:
        Path("runs/palindromes", model, "small").mkdir(parents=True)
    ended = train("fit", *small, "--trainer.max_steps=5", "--trainer.val_check_interval=5")
    assert ended.code == 0 and "other model" not in ended.out
