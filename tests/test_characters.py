"""The character generator from the command line: trained, sampled, resumed, shared, measured."""

from __future__ import annotations

import random
import signal
from functools import partial
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from datamodules import Text
from lightning_modules import CharGenerator
from tests.conftest import QUICK, ROOT
from tests.resuming import assert_identical, essence, signal_at

RUN = Path("runs/characters/CharGenerator/small")
CONFIG = str(ROOT / "configs/characters.yaml")
ALPHABET = "abcdefgh ,.\n\né—🙂"
SMALL = [
    "fit",
    f"--config={CONFIG}",
    "--data.corpus=book.txt",
    "--data.length=10",
    "--data.batch_size=4",
    "--model.hidden_size=8",
    *QUICK,
]
TWO = ["--trainer.devices=2", "--trainer.strategy=ddp_fork"]
READINGS = ["random", "contiguous"]
by_reading = pytest.mark.parametrize("reading", READINGS)


def write_book(folder: Path, characters: int = 1000, seed: int = 0) -> None:
    """Write book.txt, in which some characters follow others more often."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(seed)
    text = "".join(
        ALPHABET[min(draw.randrange(len(ALPHABET)), draw.randrange(len(ALPHABET)))]
        for _ in range(characters)
    )
    (folder / "book.txt").write_text(ALPHABET + text, encoding="utf-8")


@pytest.fixture
def write(train_in_process, tmp_path):
    """Train a small generator in a process of its own, in a folder that has book.txt."""

    def write(*flags: str, folder: Path = tmp_path, prepare=None):
        if not (folder / "book.txt").exists():
            write_book(folder)
        return train_in_process(*SMALL, *flags, folder=folder, prepare=prepare)

    return write


@pytest.mark.parametrize("cell", ["RNN", "LSTM", "RRN", "GRU"])
def test_learns_with_every_cell(cell, write, tmp_path, curves_of, result_of):
    run = write(f"--model.cell={cell}", "--optimizer.lr=0.01", "--model.dropout=0.1")
    assert run.code == 0, run.err
    folder = tmp_path / RUN
    curves = curves_of(folder)
    assert set(curves) == {
        "loss/train",
        "loss/validation",
        "bits_per_character/train",
        "bits_per_character/validation",
        "accuracy/train",
        "accuracy/validation",
        "accuracy/moving_average",
        "optimizer/learning_rate",
        "optimizer/gradient_norm",
        "speed/examples_per_second",
        "speed/characters_per_second",
    } | {tag for tag in curves if tag.startswith("result/")}
    losses = dict(curves["loss/validation"])
    assert losses[60] < losses[20] < 3
    for step, bits in curves["bits_per_character/validation"]:
        assert bits == pytest.approx(losses[step] / 0.6931472)
    speeds = zip(
        curves["speed/characters_per_second"], curves["speed/examples_per_second"], strict=True
    )
    assert all(characters[1] == pytest.approx(10 * crops[1]) for characters, crops in speeds)
    result = result_of(folder)
    assert result["best_validation"]["loss"] == pytest.approx(min(losses.values()))
    assert result["validation"]["loss"] == pytest.approx(losses[60])
    assert "Trained for 60 steps." in run.out and "train.py generate" in run.out


def test_the_learning_rate_decays_as_in_the_study(write, tmp_path, curves_of):
    assert write("--lr_scheduler.step_size=20", "--trainer.log_every_n_steps=1").code == 0
    rates = dict(curves_of(tmp_path / RUN)["optimizer/learning_rate"])
    for step in (1, 20, 21, 40, 41, 60):
        assert rates[step] == pytest.approx(0.002 * 0.96 ** ((step - 1) // 20))


# Killed where nothing was saved since step 30, and told to stop in the middle.
FAULTS = {"sigkill": (signal.SIGKILL, -9), "sigterm": (signal.SIGTERM, 143)}


@pytest.mark.parametrize("fault", FAULTS)
@by_reading
def test_resumes_bit_identically(reading, fault, write, tmp_path, curves_of, result_of):
    flags = [f"--data.reading={reading}", "--model.dropout=0.2"]
    number, code = FAULTS[fault]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert write(*flags, folder=whole).code == 0
    assert write(*flags, folder=parts, prepare=partial(signal_at, 33, number)).code == code
    resumed = write(*flags, "--ckpt_path=last", folder=parts)
    assert resumed.code == 0, resumed.err

    expected, found = (essence(folder / RUN, curves_of, result_of) for folder in (whole, parts))
    assert bool(expected["carried"])
    assert_identical(expected, found)
    samples = [(folder / RUN / "samples.md").read_text() for folder in (whole, parts)]
    assert samples[0] == samples[1]
    assert shown_samples(whole / RUN) == shown_samples(parts / RUN)


def shown_samples(folder: Path) -> list[tuple[int, bytes]]:
    """Step and text of what TensorBoard's text tab shows."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    shown = events.Tensors("sample/text_summary")
    return [(event.step, event.tensor_proto.string_val[0]) for event in shown]


def test_generates_after_resuming_what_it_generates_without(write, train, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert write(folder=whole).code == 0
    assert write(folder=parts, prepare=partial(signal_at, 33, signal.SIGTERM)).code == 143
    assert write("--ckpt_path=last", folder=parts).code == 0
    texts = [
        train("generate", "--ckpt_path", str(folder / RUN), "--length=50", "--seed=3").out
        for folder in (whole, parts)
    ]
    assert len(texts[0]) >= 50 and texts[0] == texts[1]


@by_reading
def test_two_ranks_follow_the_losses_of_one(reading, write, tmp_path, curves_of):
    flags = [f"--data.reading={reading}", "--optimizer=SGD", "--optimizer.lr=0.1"]
    flags += ["--trainer.log_every_n_steps=1", "--trainer.precision=64-true"]
    one, two = tmp_path / "one", tmp_path / "two"
    assert write(*flags, folder=one).code == 0
    run = write(*flags, *TWO, folder=two)
    assert run.code == 0, run.err
    of_one, of_two = (curves_of(folder / RUN) for folder in (one, two))
    for name in ("loss/train", "loss/validation"):
        assert dict(of_two[name]) == pytest.approx(dict(of_one[name]), rel=1e-5)
    assert len(of_one["loss/train"]) == 60


def test_a_contiguous_run_resumes_on_another_number_of_devices(write, tmp_path, curves_of):
    flags = ["--data.reading=contiguous", "--optimizer=SGD", "--trainer.precision=64-true"]
    flags += ["--optimizer.lr=0.1", "--trainer.log_every_n_steps=1"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert write(*flags, folder=whole).code == 0
    stop = partial(signal_at, 33, signal.SIGTERM)
    assert write(*flags, *TWO, folder=parts, prepare=stop).code in (143, -15, 1)
    resumed = write(*flags, "--ckpt_path=last", folder=parts)
    assert resumed.code == 0, resumed.err
    expected, found = (dict(curves_of(folder / RUN)["loss/train"]) for folder in (whole, parts))
    assert found == pytest.approx(expected, rel=1e-5)


def test_sampling_changes_nothing(write, tmp_path):
    weights = []
    for fractions in ("[]", "[0,0.1,0.33,0.5,1]"):
        folder = tmp_path / fractions
        flags = ["--model.dropout=0.3", f"--samples.fractions={fractions}"]
        assert write(*flags, folder=folder).code == 0
        assert (folder / RUN / "samples.md").exists() == (fractions != "[]")
        last = torch.load(folder / RUN / "checkpoints/last.ckpt", weights_only=True)
        weights.append((last["state_dict"], last["optimizer_states"], last["random_states"]))
    assert_identical(*weights)


def test_needs_the_text_that_it_began_with(write, tmp_path):
    assert write("--trainer.max_steps=20").code == 0
    write_book(tmp_path, seed=1)
    resumed = write("--ckpt_path=last", "--trainer.max_steps=40")
    assert resumed.code == 2 and "another text than the checkpoint" in resumed.err
    assert len(resumed.err.splitlines()) == 1


def test_measured_on_its_text_and_on_another_one(write, train_in_process, tmp_path):
    assert write("--trainer.max_steps=20").code == 0
    measure = ["test", "--ckpt_path", str(RUN)]
    own = train_in_process(*measure)
    assert own.code == 0, own.err
    assert "bits_per_character/test" in own.out and "book.txt" in own.out
    # The same characters in another order, and one that is not among them.
    text = (tmp_path / "book.txt").read_text(encoding="utf-8")
    (tmp_path / "turned.txt").write_text(text[::-1], encoding="utf-8")
    turned = train_in_process(*measure, "--data.corpus=turned.txt")
    assert turned.code == 0 and "turned.txt" in turned.out
    (tmp_path / "other.txt").write_text(text + "Z", encoding="utf-8")
    other = train_in_process(*measure, "--data.corpus=other.txt")
    assert other.code == 2 and "'Z', which the model has never seen" in other.err


@by_reading
def test_a_loss_is_over_all_characters_whatever_the_crop_and_the_batch(reading, tmp_path):
    """Where the prediction depends on no character before, only those that count can differ."""
    write_book(tmp_path)
    network = CharGenerator(hidden_size=4, num_layers=1, num_classes=len(set(ALPHABET)))
    scores = torch.randn(network.num_classes, generator=torch.Generator().manual_seed(0))
    torch.nn.init.zeros_(network.network.readout.weight)
    network.network.readout.bias.data = scores
    for length, batch_size in ((10, 4), (7, 64), (13, 1), (99, 3)):
        data = Text(str(tmp_path / "book.txt"), length, batch_size, reading)
        network.eval()
        with torch.inference_mode():
            for batch in data.val_dataloader():
                network.validation_step(batch, 0)
        loss = network.metrics["validation"]["loss"]
        expected = -scores.log_softmax(0)[data.validation_text[1:].long()].mean()
        assert float(loss.compute()) == pytest.approx(float(expected), rel=1e-6)
        loss.reset()


def test_a_text_that_changed_is_told_before_its_size(write, tmp_path):
    assert write("--trainer.max_steps=20").code == 0
    with (tmp_path / "book.txt").open("a", encoding="utf-8") as book:
        book.write("ZÜ" * 9)
    resumed = write("--ckpt_path=last", "--trainer.max_steps=40")
    assert resumed.code == 2 and "another text than the checkpoint" in resumed.err
    assert len(resumed.err.splitlines()) == 1 and not resumed.out


WRONG = {
    "a state without bounds": (
        ["--model.cell=RRN", "--data.reading=contiguous"],
        ["model.cell RRN does not go with data.reading contiguous"],
    ),
    "no such corpus": (["--data.corpus=shakespear"], ["did you mean shakespeare"]),
    "accumulated streams": (
        ["--data.reading=contiguous", "--trainer.accumulate_grad_batches=2"],
        ["data.reading contiguous", "accumulate_grad_batches"],
    ),
    "unknown reading": (["--data.reading=backwards"], ["data.reading", "random, contiguous"]),
    "too short": (["--data.length=2000"], ["book.txt is too short", "a crop of 2,000 needs 2,001"]),
    "unknown cell": (["--model.cell=LSTN"], ["model.cell", "RNN, LSTM, RRN, GRU"]),
    "no layers": (["--model.num_layers=0"], ["num_layers must be at least 1, got 0"]),
    "all dropped": (["--model.dropout=1"], ["dropout must be at least 0 and below 1"]),
    "a fraction": (["--samples.fractions=[2]"], ["samples.fractions must be from 0 to 1"]),
    "a temperature": (["--samples.temperature=-1"], ["samples.temperature must be at least 0"]),
    "no samples": (["--samples.length=0"], ["samples.length must be at least 1"]),
    "a prompt": (["--samples.prompt=Z"], ["samples.prompt", "'Z'"]),
    "a model of digits": (["--model=LSTM"], ["LSTM reads digits", "Text gives characters"]),
    "another class count": (["--model.num_classes=3"], ["num_classes comes from the data"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_told_in_a_line(case, write, tmp_path):
    flags, words = WRONG[case]
    run = write(*flags)
    assert run.code == 2, run.err
    (line,) = run.err.splitlines()
    for word in words:
        assert word in line
    assert not (tmp_path / "runs").exists()
