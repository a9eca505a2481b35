"""Where a run is kept if nobody says so: named after what sets it apart from its config."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line.arguments import DEFAULT_CONFIG

LONG = DEFAULT_CONFIG.with_name("palindromes_long.yaml")
STUDY = DEFAULT_CONFIG.with_name("palindromes_study.yaml")
NAMES = {
    "": "palindromes/RRN/default",
    "--model LSTM": "palindromes/LSTM/default",
    "--optimizer.lr 0.01 --data.length 20": "palindromes/RRN/length=20,lr=0.01",
    "--optimizer Adam --optimizer.lr 0.01": "palindromes/RRN/optimizer=Adam,lr=0.01",
    "--lr_scheduler StepLR --lr_scheduler.step_size 9": (
        "palindromes/RRN/lr_scheduler=StepLR,step_size=9"
    ),
    "--trainer.max_steps 9 --trainer.devices 2 --convergence.window 9 --data.num_workers 2": (
        "palindromes/RRN/default"
    ),
    "--run.name mine --run.experiment other --data.length 20": "other/RRN/mine",
    f"--config {STUDY} --model GRU --data.length 5": "palindromes_study/GRU/length=5",
    "--data.curriculum.start 3": "palindromes/RRN/curriculum.start=3",
    "--data.curriculum.window 5 --data.curriculum.patience null": (
        "palindromes/RRN/curriculum.patience=null,curriculum.start=3"
    ),
    f"--config {LONG}": "palindromes_long/RRN/default",
    f"--config {LONG} --data.curriculum.growth 2": "palindromes_long/RRN/curriculum.growth=2.0",
    f"--config {LONG} --data.curriculum null": "palindromes_long/RRN/curriculum=null",
}
# None of them trains as any other does.
DISTINCT = [
    "",
    "--seed_everything 1",
    "--data.training_seed 1",
    "--data.evaluation_seed 1",
    "--optimizer Adam --optimizer.betas [0.8,0.9]",
    "--optimizer Adam --optimizer.betas [0.8,0.99]",
    "--trainer.precision 64-true",
    "--trainer.gradient_clip_val null",
    "--data.curriculum.start 3",
    "--data.curriculum.start 3 --data.curriculum.patience null",
]


@pytest.mark.parametrize("flags", NAMES)
def test_name_of(flags, parse):
    assert parse(*flags.split()).folder.path == Path("runs") / NAMES[flags]


def test_runs_that_differ_have_folders_of_their_own(parse):
    folders = {flags: parse(*flags.split()).folder.path for flags in DISTINCT}
    assert len(set(folders.values())) == len(DISTINCT), folders
