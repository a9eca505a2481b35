"""`plot FOLDER`: the figures and the table again, from the CSVs alone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from comparison.grid import Run
from comparison.results import collect

ROOT = Path(__file__).resolve().parents[2]
ROW = "RNN/seed=0,RNN,0,finished,true,0.9,7,0.8,0.5,,100,60,1.5,"
HEADING = (
    "run,model,seed,state,solved,accuracy,steps_to_converge,validation_accuracy,validation_loss,"
    "test_accuracy,parameters,steps,seconds,error"
)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "results.csv").write_text(
        f"{HEADING}\n{ROW}\n{ROW.replace('seed=0,RNN,0', 'seed=1,RNN,1')}\n"
    )
    return folder


def test_draws_from_the_csv_alone(train, folder):
    outcome = train("plot", "there")
    assert outcome.code == 0, outcome.err
    assert "0.900 ± 0.000" in outcome.out and "2 of 2" in outcome.out
    assert "There is no curves.csv" in outcome.out
    assert re.search(r"\d figures in there/figures, as PNG and SVG", outcome.out)
    assert "tensorboard --logdir there" in outcome.out and "converged" not in outcome.out
    assert (folder / "table.md").read_text().startswith("| model | seeds |")
    assert (folder / "figures/accuracy_against_architecture.png").is_file()
    assert (folder / "figures/accuracy_against_architecture.svg").is_file()
    assert not (folder / "figures/curves_accuracy.png").exists()


def test_draws_the_same_in_a_copy_of_the_csvs(train, tmp_path, small):
    flags = [flag for flag in small if not flag.startswith("--run.")]
    runs = [Run("RNN", (), seed) for seed in (0, 1)]
    for run in runs:
        place = ["--run.root=whole", "--run.experiment=runs", f"--run.name={run.name}"]
        seed = f"--seed_everything={run.seed}"
        assert train("--model=RNN", *flags, seed, *place).code == 0
    collect(tmp_path / "whole", runs)
    (tmp_path / "copy").mkdir()
    for name in ("results.csv", "curves.csv"):
        shutil.copy(tmp_path / "whole" / name, tmp_path / "copy")
    for folder in ("whole", "copy"):
        assert train("plot", folder).code == 0
    pictures = sorted((tmp_path / "whole/figures").glob("*.*g"))
    assert {picture.stem for picture in pictures} >= {"curves_accuracy", "curves_loss"}
    for picture in pictures:
        assert (tmp_path / "copy/figures" / picture.name).read_bytes() == picture.read_bytes()
    tables = [(tmp_path / name / "table.md").read_text() for name in ("whole", "copy")]
    assert tables[0] == tables[1]


def test_where_nothing_has_converged_a_line_says_why_a_figure_is_missing(train, folder):
    unsolved = ROW.replace("true,0.9,7", "false,0.9,")
    (folder / "results.csv").write_text(f"{HEADING}\n{unsolved}\n")
    outcome = train("plot", "there")
    assert outcome.code == 0, outcome.err
    assert "No run has converged, so there is no figure of the steps to conv" in outcome.out
    assert not list((folder / "figures").glob("steps_to_converge*"))


def test_nothing_is_finished(train, folder):
    (folder / "results.csv").write_text(f"{HEADING}\nRNN/seed=0,RNN,0,unfinished,,,,,,,,,,\n")
    outcome = train("plot", "there")
    assert outcome.code == 0 and "No run that is finished" in outcome.out
    assert not (folder / "figures").exists()


WRONG = {
    "no folder": ("plot", "plot needs the FOLDER of a comparison"),
    "missing": ("plot elsewhere", "no folder at elsewhere"),
    "a file": ("plot there/results.csv", "there/results.csv is a file: plot takes the folder"),
    "no results": ("plot .", "has no results.csv: it is not the folder of a comparison"),
    "two": ("plot there there", "unexpected there"),
    "flag": ("plot there --foo", "unknown flag --foo"),
    "columns": ("plot bad", "bad/results.csv has no column model"),
    "number": ("plot typo", "typo/results.csv, line 2: accuracy must be a number, got 0.o9"),
    "curves": ("plot curves", "curves/curves.csv has no column accuracy"),
    "half": (
        "plot half",
        "half/results.csv is cut off: its last line has no end; python train.py compare --config "
        "half/comparison.yaml makes the tables again from the runs",
    ),
    "subcommand": ("plto there", "unknown subcommand plto, did you mean plot?"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input(case, train, folder, tmp_path):
    for name, text in (
        ("bad", "run,mdoel\n"),
        ("typo", f"{HEADING}\n{ROW}\n".replace(".9", ".o9")),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.csv").write_text(text)
    shutil.copytree(folder, tmp_path / "curves")
    (tmp_path / "curves/curves.csv").write_text("run,step\n")
    (tmp_path / "half").mkdir()
    (tmp_path / "half/results.csv").write_text(f"{HEADING}\n{ROW}")
    (tmp_path / "half/comparison.yaml").touch()
    command, message = WRONG[case]
    outcome = train(*command.split())
    assert outcome.code == 2
    assert outcome.err.startswith("train.py: error: ") and outcome.err.count("\n") == 1
    assert message in outcome.err


def test_where_nothing_can_be_written(train, folder):
    (folder / "table.md").mkdir()
    outcome = train("plot", "there")
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert "cannot write to there: Is a directory" in outcome.err


def imported_by(*arguments: str) -> set[str]:
    command = [sys.executable, "-X", "importtime", "train.py", *arguments]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return set(re.findall(r"^import time:.*\| +(\w+)", answer.stderr, re.MULTILINE))


def test_nothing_heavy_is_imported_for_a_mistake(tmp_path):
    heavy = {"torch", "pytorch_lightning", "matplotlib", "numpy", "tensorboard", "rich"}
    for folder in (tmp_path / "none", tmp_path):
        imported = imported_by("plot", str(folder))
        assert "command_line" in imported and not imported & heavy


def test_drawing_needs_neither_torch_nor_lightning(folder):
    imported = imported_by("plot", str(folder))
    assert "matplotlib" in imported and not imported & {"torch", "pytorch_lightning"}
