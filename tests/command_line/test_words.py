"""What a person reads before and after a run, and that its commands can be typed."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from command_line import words
from command_line.arguments import take_apart
from datamodules import Curriculum, Palindromes
from lightning_modules import RNN

FOLDER = Path("my runs/palindromes/RRN/it's mine")
RESULT = {
    "model": "RRN",
    "window": 5,
    "best_accuracy": 0.98765,
    "step_of_best": 58,
    "steps_to_converge": None,
    "threshold": 1.0,
    "best_validation": {"step": 40, "accuracy": 0.6458, "loss": 1.25},
    "hparams": {},
    "steps": 60,
    "seconds": 1.234,
    "steps_per_second": 48.6,
}


TO_STEP_100 = {"trainer": {"max_steps": 100}}


@pytest.mark.parametrize(("devices", "expected"), [(1, "cpu"), (2, "2 x cpu")])
def test_greeting(devices, expected, monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    trainer = SimpleNamespace(strategy=strategy, world_size=devices)
    model = torch.nn.Linear(999, 2)
    line = words.greeting(model, "palindromes, 4 digits read", trainer, FOLDER)
    assert line == (
        "Linear, 2,000 parameters, on palindromes, 4 digits read; "
        f"seed 7, {expected}, my runs/palindromes/RRN/it's mine"
    )


def test_greeting_tells_where_a_curriculum_begins(monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    trainer = SimpleNamespace(
        strategy=SimpleNamespace(root_device=torch.device("cpu")), world_size=1
    )
    data = Palindromes(length=20, curriculum=Curriculum(start=4))
    line = words.greeting(torch.nn.Linear(1, 1), data, trainer, FOLDER)
    assert "on palindromes, 20 digits read, 4 at first; seed 7" in line


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ({}, "Not converged by step 60, at 5 of 20 digits."),
        ({"threshold": None}, "Trained for 60 steps, at 5 of 20 digits."),
        ({"stopped_early": "no better"}, "Stopped at step 60, at 5 of 20 digits: no better."),
        ({"steps_to_converge": 42}, "Converged at step 42."),
    ],
)
def test_closing_tells_how_far_a_curriculum_came(ending, expected):
    stages = [{"step": 1, "length": 3}, {"step": 12, "length": 4}, {"step": 21, "length": 5}]
    result = {**RESULT, "length": 20, "stages": stages, **ending}
    assert words.closing(result, FOLDER).splitlines()[0] == expected
    assert ", at" not in words.closing({**result, "stages": None}, FOLDER).splitlines()[0]


def test_closing_of_a_run_that_has_not_converged():
    text = words.closing(RESULT, FOLDER)
    assert text.startswith("Not converged by step 60.\n")
    assert "best accuracy  0.9877, mean of 5 steps up to step 58\n" in text
    assert "validation     accuracy 0.6458, loss 1.25 at step 40, the best\n" in text
    assert "1.2 s of training, 48.6 steps/s" in text
    assert "--trainer.max_steps 120" in text


def test_closing_of_a_run_that_has_converged():
    text = words.closing({**RESULT, "steps_to_converge": 42}, FOLDER)
    assert text.startswith("Converged at step 42.\n")
    assert "--convergence.window 50 --trainer.max_steps 120\n" in text
    before = words.closing({**RESULT, "steps_to_converge": 42}, FOLDER, TO_STEP_100)
    # More steps alone would stop at once.
    assert "--trainer.max_steps" not in before and "--convergence.window 50\n" in before
    assert "trains on until the mean of 50 steps is 1, at most to step 100\n" in before


def test_closing_of_a_run_too_short_to_measure():
    unknown = {"best_accuracy": None, "step_of_best": None, "best_validation": {}}
    text = words.closing({**RESULT, **unknown}, FOLDER)
    assert "best accuracy" not in text and "validation" not in text and "None" not in text


def test_closing_of_a_run_that_was_not_to_converge():
    text = words.closing({**RESULT, "threshold": None}, FOLDER)
    assert text.startswith("Trained for 60 steps.\n")


GRADIENTS = {
    "none": (0, 0, None),
    "overflowed": (12, 0, "12 overflowed and clipped"),
    "not finite": (0, 3, "3 not finite and skipped"),
    "both": (12, 3, "12 overflowed and clipped, 3 not finite and skipped"),
}


@pytest.mark.parametrize(("overflowed", "skipped", "expected"), GRADIENTS.values(), ids=GRADIENTS)
def test_closing_of_a_run_with_gradients_beyond_numbers(overflowed, skipped, expected):
    counts = {"overflowed": overflowed, "skipped": skipped}
    clipped = {"gradients": counts, "hparams": {"gradient_clip_val": 10.0}}
    lines = words.closing({**RESULT, **clipped}, FOLDER).splitlines()
    found = [line for line in lines if line.startswith("  gradients")]
    assert found == ([f"  gradients      {expected}"] if expected else [])


def test_closing_of_a_run_that_overflowed_and_does_not_clip():
    counts = {"overflowed": 12, "skipped": 0}
    text = words.closing({**RESULT, "gradients": counts}, FOLDER)
    assert "\n  gradients      12 overflowed\n" in text


@pytest.mark.parametrize("step", [None, 42])
def test_commands_to_go_on_can_be_typed(step):
    text = words.closing({**RESULT, "steps_to_converge": step}, FOLDER)
    resume = re.search(r"python train\.py (fit .*)", text)[1]
    assert take_apart(shlex.split(resume)).checkpoint_path == FOLDER
    look = shlex.split(re.search(r"tensorboard .*", text)[0])
    assert look == ["tensorboard", "--logdir", "my runs/palindromes"]


def test_the_other_models_are_suggested():
    text = words.closing({**RESULT, "model": "LSTM"}, FOLDER)
    command = re.search(r"python train\.py (.* --model RNN) +\(or RRN, GRU\)", text)[1]
    compare = take_apart(shlex.split(command))
    assert compare.configs == [str(FOLDER / "config.yaml")]
    assert compare.flags == ["--model=RNN"]


def test_closing_of_a_generator():
    result = {**RESULT, "model": "CharGenerator", "hparams": {"cell": "LSTM"}}
    text = words.closing(result, FOLDER)
    command = re.search(r"python train\.py (.* --model.cell RNN .*)", text)[1]
    other = take_apart(shlex.split(command))
    assert other.configs == [str(FOLDER / "config.yaml")]
    # In a folder of its own.
    assert other.flags[-2:] == ["--run.name", "it's mine,cell=RNN"]
    write = shlex.split(re.search(r"  write +python train\.py (generate .*)", text)[1])
    assert write == ["generate", "--ckpt_path", str(FOLDER)]
    assert "generate" not in words.closing(RESULT, FOLDER)


GRAPH = {
    **RESULT,
    "model": "GCN",
    "threshold": None,
    "stopped_early": "no lower loss/validation in 10 validations",
    "best_validation": {
        "step": 50,
        "loss": 0.5,
        "accuracy": 0.75,
        "test_loss": 0.625,
        "test_accuracy": 0.8125,
    },
}


def test_closing_of_a_graph_network_that_stopped_early():
    text = words.closing(GRAPH, FOLDER, TO_STEP_100)
    assert text.splitlines()[:3] == [
        "Stopped at step 60: no lower loss/validation in 10 validations.",
        "  validation     accuracy 0.75, loss 0.5 at step 50, the best",
        "  test           accuracy 0.8125, loss 0.625 at that step",
    ]
    # More steps alone would stop at once.
    assert "--trainer.max_steps" not in text
    resume = re.search(r"  resume +python train\.py (fit .*)", text)[1]
    resumed = take_apart(shlex.split(resume))
    assert resumed.checkpoint_path == FOLDER
    assert resumed.flags == ["--early_stopping.patience", "null"]
    predict = re.search(r"  predict +python train\.py (predict .*)", text)[1]
    assert take_apart(shlex.split(predict)).checkpoint_path == FOLDER
    assert "predict" not in words.closing(RESULT, FOLDER)


def test_closing_of_a_graph_network_that_did_not():
    text = words.closing({**GRAPH, "stopped_early": None}, FOLDER)
    assert text.startswith("Trained for 60 steps.\n") and "--trainer.max_steps 120" in text


def test_the_other_graph_networks_are_suggested():
    names = ("GCN", "CellGCN", "GCNII")
    for name in names:
        text = words.closing({**GRAPH, "model": name}, FOLDER)
        first, second = [other for other in names if other != name]
        assert f"--model {first}   (or {second})" in text


def test_closing_where_a_loss_is_no_number():
    best = {**GRAPH["best_validation"], "test_loss": None}
    text = words.closing({**GRAPH, "best_validation": best}, FOLDER)
    assert "  test           accuracy 0.8125, loss not finite at that step\n" in text


def test_evaluation():
    metrics = {"loss/test": torch.tensor(1.23456), "accuracy/test": torch.tensor(0.5)}
    model = RNN(hidden_size=1)
    line = words.evaluation(metrics, model, "palindromes", Path("best.ckpt"), 40)
    assert line == (
        "accuracy/test 0.5, loss/test 1.235: RNN of step 40 on palindromes, from best.ckpt"
    )


def test_interrupted():
    text = words.interrupted(33, FOLDER)
    assert text.startswith("Interrupted at step 33;")
    resume = re.search(r"python train\.py (fit .*)", text)[1]
    assert take_apart(shlex.split(resume)).checkpoint_path == FOLDER


def test_lines_are_broken_between_words_on_a_terminal_alone(monkeypatch):
    text = "GCN, 80 parameters, on Toy; runs/a-very/long-path/without-any-space"
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert words.wrapped(text) == text
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert words.wrapped(text).split("\n") == [
        "GCN, 80 parameters, on Toy;",
        "  runs/a-very/long-path/without-any-space",
    ]
