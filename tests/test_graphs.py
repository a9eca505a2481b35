"""Graph networks from the command line: trained, stopped, resumed, measured, and predicting."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import signal
from functools import partial
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.conftest import QUICK, ROOT
from tests.resuming import assert_identical, essence, signal_at

RUN = Path("runs/graphs/GCN/small")
CONFIG = f"--config={ROOT / 'configs/graphs.yaml'}"
SMALL = ["fit", CONFIG, *QUICK, "--trainer.val_check_interval=1", "--trainer.log_every_n_steps=1"]
# Stops after some 40 steps, for want of a better validation.
STOPPING = ["--early_stopping.patience=3", "--optimizer.lr=0.05", "--trainer.max_steps=200"]


@pytest.fixture(scope="module")
def trained(start_process, tmp_path_factory):
    """A run of the karate club that stopped early: its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("trained")
    process = start_process([*SMALL, *STOPPING], folder)
    process.join(120)
    assert process.exitcode == 0, (folder / "err.txt").read_text()
    return folder / RUN, (folder / "out.txt").read_text()


def network(checkpoint: Path) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (34, 4) and hidden layer of the karate club, with dense matrices alone."""
    weights = torch.load(checkpoint, weights_only=True)["state_dict"]
    first, second = (weights[f"convolutions.{n}.weight"].double().numpy() for n in range(2))
    with_loops = nx.to_numpy_array(nx.karate_club_graph(), weight=None) + np.eye(34)
    degrees = with_loops.sum(axis=1)
    a_hat = with_loops / np.sqrt(np.outer(degrees, degrees))
    # One feature a node, so that the features are the identity.
    hidden = np.maximum(a_hat @ first, 0)
    exponentials = np.exp(a_hat @ hidden @ second)
    return exponentials / exponentials.sum(axis=1, keepdims=True), hidden


# Training


def test_a_run_that_stops_early_says_what_came_out(trained, curves_of, result_of):
    folder, out = trained
    losses = [loss for _, loss in curves_of(folder)["loss/validation"]]
    # The first three in a row that beat none before them.
    stop = next(n for n in range(4, 200) if min(losses[n - 3 : n]) >= min(losses[: n - 3]))
    assert len(losses) == stop < 200
    best = result_of(folder)["best_validation"]
    assert best["step"] == stop - 3
    lines = [line.strip() for line in out.splitlines()]
    greeting, stopped, validation, test, took, *follow = lines
    assert greeting == (
        f"GCN, 608 parameters, on KarateClub, 34 nodes (4 + 15 + 15), 78 edges; seed 0, cpu, {RUN}"
    )
    assert stopped == f"Stopped at step {stop}: no lower loss/validation in 3 validations."
    assert validation.split(maxsplit=1) == [
        "validation",
        f"accuracy {best['accuracy']:.4g}, loss {best['loss']:.4g} at step {stop - 3}, the best",
    ]
    assert test.split(maxsplit=1) == [
        "test",
        f"accuracy {best['test_accuracy']:.4g}, loss {best['test_loss']:.4g} at that step",
    ]
    assert took.startswith("took ")
    assert dict(line.split(maxsplit=1) for line in follow) == {
        "run": str(RUN),
        "look": "tensorboard --logdir runs/graphs",
        "resume": f"python train.py fit --ckpt_path {RUN} --early_stopping.patience null",
        "trains": "on, better or not, at most to step 200",
        "other": "model    "
        f"python train.py --config {RUN}/config.yaml --model CellGCN   (or GCNII)",
        "predict": f"python train.py predict --ckpt_path {RUN}",
    }


def test_curves_and_pictures_of_a_run(trained, curves_of, result_of):
    folder, _ = trained
    curves = curves_of(folder)
    assert {tag for tag in curves if not tag.startswith("result/")} == {
        "loss/train",
        "loss/validation",
        "loss/test",
        "accuracy/train",
        "accuracy/validation",
        "accuracy/test",
        "accuracy/moving_average",
        "optimizer/learning_rate",
        "optimizer/gradient_norm",
        "speed/epochs_per_second",
    }
    steps = result_of(folder)["steps"]
    for tag in ("loss/train", "loss/validation", "accuracy/test"):
        assert [step for step, _ in curves[tag]] == list(range(1, steps + 1))
    assert curves["loss/train"][-1][1] < curves["loss/train"][0][1] / 2
    events = EventAccumulator(str(folder))
    events.Reload()
    assert set(events.Tags()["images"]) == {
        "figures/accuracy",
        "figures/confusion",
        "figures/hidden_layer/before training",
        "figures/hidden_layer/after training",
    }
    rows = (folder / f"{steps:05d}/hidden_layer/tensors.tsv").read_text().splitlines()
    found = np.array([list(map(float, row.split("\t"))) for row in rows])
    _, hidden = network(folder / "checkpoints/last.ckpt")
    np.testing.assert_allclose(found, hidden, rtol=1e-4, atol=1e-6)


def test_the_best_checkpoint_is_that_of_the_lowest_loss(trained, curves_of):
    folder, _ = trained
    best = torch.load(folder / "checkpoints/best.ckpt", weights_only=True)
    losses = curves_of(folder)["loss/validation"]
    assert best["global_step"] == min(losses, key=lambda point: point[1])[0]


FAULTS = {
    # In the middle of a wait for a better validation, with nothing saved since the 15th step.
    "sigkill": (signal.SIGKILL, -9, 25, STOPPING),
    "sigterm": (
        signal.SIGTERM,
        143,
        20,
        [
            "--trainer.max_steps=30",
            "--trainer.precision=64-true",
            "--trainer.log_every_n_steps=7",
            "--data.split=random",
            "--data.train_per_class=2",
            "--data.num_validation=8",
            "--data.num_test=8",
        ],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_resumes_bit_identically(fault, train_in_process, tmp_path, curves_of, result_of):
    """With dropout, which is half of all features in the config."""
    number, code, step, flags = FAULTS[fault]
    command = [*SMALL, *flags]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run = train_in_process(*command, folder=whole)
    assert run.code == 0, run.err
    cut = train_in_process(*command, folder=parts, prepare=partial(signal_at, step, number))
    assert cut.code == code, cut.err
    resumed = train_in_process(*command, "--ckpt_path=last", folder=parts)
    assert resumed.code == 0, resumed.err
    expected, found = (essence(folder / RUN, curves_of, result_of) for folder in (whole, parts))
    assert expected["step"] > step
    assert_identical(expected, found)
    pictures = [sorted(pictures_of(folder / RUN)) for folder in (whole, parts)]
    assert pictures[0] == pictures[1] and len(pictures[0]) == 4


def pictures_of(folder: Path) -> list[tuple[str, int, bytes]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return [
        (tag, event.step, event.encoded_image_string)
        for tag in events.Tags()["images"]
        for event in events.Images(tag)
    ]


def copied(folder: Path, tmp_path: Path) -> None:
    """The trained run, in the working folder."""
    shutil.copytree(folder, tmp_path / RUN)


def test_a_run_that_stopped_early_does_not_train_on(trained, train, tmp_path):
    copied(trained[0], tmp_path)

    def files():
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    before = files()
    again = train("fit", f"--ckpt_path={RUN}")
    assert again.code == 0, again.err
    assert "Stopped at step" in again.out
    assert files() == before


def test_with_more_patience_it_trains_on(trained, train, tmp_path, result_of):
    copied(trained[0], tmp_path)
    steps = result_of(tmp_path / RUN)["steps"]
    command = ["fit", f"--ckpt_path={RUN}", "--early_stopping.patience=null"]
    assert train(*command, f"--trainer.max_steps={steps + 9}").code == 0
    result = result_of(tmp_path / RUN)
    assert result["steps"] == steps + 9 and result["stopped_early"] is None


@pytest.mark.parametrize(
    "flags",
    [
        ["--model.num_layers=1"],
        ["--model.num_layers=5", "--model.decayed_layers=5", "--model.bias=true"],
        ["--model.decayed_layers=0", "--optimizer=SGD", "--optimizer.lr=1"],
        ["--data.adjacency=row", "--data.normalize_features=false", "--model.dropout=0"],
        ["--lr_scheduler=StepLR", "--lr_scheduler.step_size=5"],
        ["--early_stopping.monitor=accuracy/validation", "--early_stopping.min_delta=0.1"],
        ["--trainer.precision=bf16-mixed", "--model.num_layers=3"],
        ["--trainer.precision=64-true"],
    ],
    ids=lambda flags: flags[0],
)
def test_settings_that_work(flags, train, tmp_path, result_of):
    run = train(*SMALL, "--trainer.max_steps=8", *flags)
    assert run.code == 0, run.err
    assert result_of(tmp_path / RUN)["steps"] <= 8 and not run.err


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "64-true"])
@pytest.mark.parametrize("network", ["CellGCN", "GCNII"])
def test_deep_networks_in_every_precision(network, precision, train, tmp_path, result_of):
    flags = ["--model", network, "--model.num_layers=4", f"--trainer.precision={precision}"]
    run = train(*SMALL, "--trainer.max_steps=3", *flags)
    assert run.code == 0 and not run.err, run.err
    result = result_of(tmp_path / RUN.parent.parent / network / "small")
    assert (result["model"], result["steps"]) == (network, 3)
    (others,) = re.findall(r"--model (\w+)   \(or (\w+)\)", run.out)
    assert {network, *others} == {"GCN", "CellGCN", "GCNII"}


# Measuring and predicting


@pytest.mark.parametrize(("command", "stage"), [("test", "test"), ("validate", "validation")])
def test_a_checkpoint_is_measured(command, stage, trained, train, result_of):
    folder, _ = trained
    measured = train(command, f"--ckpt_path={folder}")
    assert measured.code == 0, measured.err
    best = result_of(folder)["best_validation"]
    prefix = "test_" if stage == "test" else ""
    accuracy, loss = best[f"{prefix}accuracy"], best[f"{prefix}loss"]
    (line,) = measured.out.splitlines()
    assert line == (
        f"accuracy/{stage} {accuracy:.4g}, loss/{stage} {loss:.4g}: GCN of step {best['step']} on "
        f"KarateClub, 34 nodes (4 + 15 + 15), 78 edges, from {folder}/checkpoints/best.ckpt"
    )


def assert_predicts(table: str, checkpoint: Path) -> None:
    """A table of the likeliest classes and their probabilities, as dense matrices have them."""
    rows = list(csv.DictReader(io.StringIO(table)))
    assert list(rows[0]) == ["node", "class", "probability"]
    probabilities, _ = network(checkpoint)
    assert [int(row["node"]) for row in rows] == list(range(34))
    assert [int(row["class"]) for row in rows] == probabilities.argmax(axis=1).tolist()
    found = [float(row["probability"]) for row in rows]
    np.testing.assert_allclose(found, probabilities.max(axis=1), rtol=1e-5)


@pytest.mark.parametrize("name", ["best", "last"])
def test_predictions_on_the_standard_output(name, trained, train):
    checkpoint = trained[0] / f"checkpoints/{name}.ckpt"
    predicted = train("predict", f"--ckpt_path={checkpoint}")
    assert predicted.code == 0 and not predicted.err
    assert_predicts(predicted.out, checkpoint)


def test_predictions_in_a_file(trained, train, tmp_path, result_of):
    folder, _ = trained
    command = ["predict", f"--ckpt_path={folder}", "--output=nodes.csv"]
    predicted = train(*command)
    assert predicted.code == 0 and not predicted.err
    step = result_of(folder)["best_validation"]["step"]
    assert predicted.out == f"34 nodes in nodes.csv: GCN of step {step}\n"
    table = (tmp_path / "nodes.csv").read_text()
    assert_predicts(table, folder / "checkpoints/best.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["nodes.csv"]
    # It is not written over.
    (tmp_path / "nodes.csv").write_text("mine")
    again = train(*command)
    assert again.code == 2
    assert again.err == "train.py: error: --output nodes.csv is there already: name another file\n"
    assert (tmp_path / "nodes.csv").read_text() == "mine"


def test_predictions_in_a_folder_that_is_not_there(trained, train, tmp_path):
    predicted = train("predict", f"--ckpt_path={trained[0]}", "--output=none/nodes.csv")
    assert (predicted.code, predicted.out) == (2, "")
    assert predicted.err == ("train.py: error: --output none/nodes.csv: there is no folder none\n")
    assert not list(tmp_path.iterdir())


def into_closed_pipe() -> None:
    """Let the standard output be a pipe that nobody reads any more, as behind `head`."""
    read, write = os.pipe()
    os.close(read)
    os.dup2(write, 1)


def test_predictions_for_a_reader_that_has_had_enough(trained, train_in_process):
    command = ["predict", f"--ckpt_path={trained[0]}"]
    predicted = train_in_process(*command, prepare=into_closed_pipe)
    assert predicted.code == 0 and predicted.err == ""


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--data.split_seed=1", "data.split_seed is 0 there, 1 in this command"),
        ("--data.split=random", "data.split is public there, random in this command"),
        ("--data.dataset=Cora", "data.dataset is KarateClub there, Cora in this command"),
    ],
)
def test_other_nodes_than_those_held_out_are_not_measured(command, flag, words, trained, train):
    run = train(command, "--ckpt_path", str(trained[0]), flag)
    assert run.code == 2
    (line,) = run.err.splitlines()
    assert words in line


def test_a_network_that_has_diverged_predicts_nothing(train, tmp_path):
    run = train(*SMALL, "--optimizer.lr=1e30", "--trainer.max_steps=30")
    assert run.code == 0 and "the network has diverged" in run.out
    run = train("predict", "--ckpt_path", str(tmp_path / RUN / "checkpoints/last.ckpt"))
    assert run.code == 2 and not run.out
    (line,) = run.err.splitlines()
    assert "its network has diverged" in line


@pytest.mark.parametrize("command", ["validate", "predict"])
def test_a_checkpoint_is_not_measured_on_several_devices(command, trained, train):
    flags = ["--trainer.accelerator=cpu", "--trainer.devices=2"]
    run = train(command, "--ckpt_path", str(trained[0]), *flags)
    assert run.code == 2
    (line,) = run.err.splitlines()
    assert "set trainer.devices 1" in line


def test_predictions_of_another_model_are_refused(train, small, tmp_path):
    assert train(*small, "--trainer.max_steps=1").code == 0
    predicted = train("predict", "--ckpt_path=runs/palindromes/RRN/small", "--output=nodes.csv")
    assert (predicted.code, predicted.out) == (2, "")
    assert predicted.err == "train.py: error: predict classifies the nodes of graphs, not digits\n"
    assert not (tmp_path / "nodes.csv").exists()


def test_predictions_need_a_checkpoint(train, tmp_path):
    predicted = train("predict", CONFIG)
    assert predicted.code == 2 and not predicted.out
    assert predicted.err == (
        "train.py: error: predict needs --ckpt_path: a checkpoint, or the folder of a run\n"
    )
    assert not list(tmp_path.iterdir())


# Wrong input

WRONG = {
    "two devices": (["--trainer.devices=2"], ["so 2 devices", "set trainer.devices 1"]),
    "accumulated": (
        ["--trainer.accumulate_grad_batches=2"],
        ["so 2 of them", "set trainer.accumulate_grad_batches 1"],
    ),
    "unknown data set": (["--data.dataset=Kora"], ["dataset 'Kora'", "did you mean Cora?"]),
    "several sets": (["--data.dataset=Amazon"], ["Amazon has several sets", "Amazon/NAME"]),
    "many graphs": (["--data.dataset=QM9/x"], ["QM9 has a single set"]),
    "a large random split": (
        ["--data.split=random"],
        ["KarateClub: a class has 4 nodes only, and train_per_class asks for 20"],
    ),
    "many held out": (
        ["--data.split=random", "--data.train_per_class=1"],
        ["KarateClub: there are 30 nodes left", "num_validation 500 and num_test 1,000"],
    ),
    "unknown split": (["--data.split=private"], ["data.split", "public, random"]),
    "a split that is null": (["--data.split_seed=null"], ["data.split_seed must have a value"]),
    "epochs": (["--trainer.max_epochs=5"], ["max_epochs ends no run", "trainer.max_steps"]),
    "a negative seed": (["--data.split_seed=-1"], ["split_seed must be at least 0, got -1"]),
    "unknown adjacency": (["--data.adjacency=no"], ["data.adjacency", "symmetric, row, binary"]),
    "negative patience": (
        ["--early_stopping.patience=-1"],
        ["patience must be at least 1, got -1"],
    ),
    "no patience": (
        ["--early_stopping.patience=0"],
        ["patience must be at least 1, got 0"],
    ),
    "a negative difference": (
        ["--early_stopping.min_delta=-1"],
        ["min_delta must be at least 0", "got -1"],
    ),
    "unknown monitor": (
        ["--early_stopping.monitor=loss/test"],
        ["early_stopping.monitor", "loss/validation, accuracy/validation"],
    ),
    "all dropped": (["--model.dropout=1"], ["dropout must be at least 0 and below 1, got 1"]),
    "no layers": (["--model.num_layers=0"], ["num_layers must be at least 1, got 0"]),
    "no features": (["--model.hidden_size=0"], ["hidden_size must be at least 1, got 0"]),
    "more decayed than layers": (
        ["--model.decayed_layers=3"],
        ["decayed_layers must be from 0 to num_layers 2, got 3"],
    ),
    "an optimiser without groups": (["--optimizer=LBFGS"], ["optimizer", "LBFGS", "groups"]),
    "a model of digits": (
        ["--model=RNN"],
        ["RNN reads digits, but Graph gives graphs", "configs/palindromes.yaml"],
    ),
    "data of digits": (
        ["--data=Palindromes"],
        ["GCN reads graphs, but Palindromes gives digits", "configs/graphs.yaml"],
    ),
    "features by hand": (
        ["--model.num_features=9"],
        ["model.num_features comes from the data, which has 34"],
    ),
    "classes by hand": (
        ["--model.num_classes=9"],
        ["model.num_classes comes from the data, which has 4"],
    ),
    "unknown model": (["--model=GNC"], ["unknown model GNC", "did you mean GCN?"]),
    "base of models": (["--model=NodeClassifier"], ["model is only a base of others", "GCN"]),
    "an output of a training": (["--output=x.csv"], ["unknown flag --output"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_told_in_a_line(case, train, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "data"))
    flags, words = WRONG[case]
    run = train(*SMALL, *flags)
    assert run.code == 2 and not run.out, run.err
    (line,) = run.err.splitlines()
    assert line.startswith("train.py: error: ")
    for word in words:
        assert word in line
    assert not list(tmp_path.iterdir())
