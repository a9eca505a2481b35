"""Instruments from the command line: they change no training, and go on as the run does."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import QUICK, ROOT
from tests.resuming import assert_identical, essence, signal_at

RUN = Path("runs/palindromes/RRN/small")
NAMES = ("gradients_through_time", "jacobians", "saturation", "states", "parameters")
ALL = [f"--watch.{name}=18" for name in NAMES]
WRITER = ["fit", f"--config={ROOT / 'configs/characters.yaml'}", "--data.length=9"]
WRITER += ["--data.corpus=book.txt", "--data.batch_size=4", "--data.reading=contiguous", *QUICK]
WRITER += ["--model.hidden_size=8", "--model.dropout=0.3", "--trainer.limit_val_batches=2"]
WRITER_RUN = Path("runs/characters/CharGenerator/small")


def write_book() -> None:
    Path("book.txt").write_text("To be, or not to be, that is the question.\n" * 40)


def write_book_and_stop(number: int) -> None:
    write_book()
    signal_at(37, number)


def instruments(run: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (run / "instruments").iterdir()}


def pictures(run: Path) -> dict[str, list[int]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run), size_guidance={"images": 0})
    events.Reload()
    return {tag: [each.step for each in events.Images(tag)] for tag in events.Tags()["images"]}


def without(prefix: str, found: dict) -> dict:
    found["curves"] = {k: v for k, v in found["curves"].items() if not k.startswith(prefix)}
    return found


@pytest.mark.parametrize("flags", [[], ["--trainer.accumulate_grad_batches=2", "--model=LSTM"]])
def test_a_watched_training_is_the_same(
    flags, train_in_process, tmp_path, small, curves_of, result_of
):
    found = []
    for name, more in (("plain", []), ("watched", ALL)):
        assert train_in_process(*small, *flags, *more, folder=tmp_path / name).code == 0
        run = next((tmp_path / name).rglob("small"))
        found.append(
            without(
                "parameters/",
                essence(run, curves_of, result_of),
            )
        )
        assert (run / "instruments").is_dir() == bool(more)
    assert_identical(*found)
    assert len(instruments(run)) == 4 * 3 + 2


def test_a_watched_writer_is_the_same(train_in_process, tmp_path, curves_of, result_of):
    """With dropout, and a state carried from batch to batch."""
    found = []
    for name, more in (("plain", []), ("watched", ALL)):
        folder = tmp_path / name
        run = train_in_process(*WRITER, *more, folder=folder, prepare=write_book)
        assert run.code == 0, run.err
        found.append(
            without(
                "parameters/",
                essence(folder / WRITER_RUN, curves_of, result_of),
            )
        )
    assert_identical(*found)
    assert len(instruments(folder / WRITER_RUN)) == 14


@pytest.mark.parametrize(
    ("flags", "number"), [("palindromes", signal.SIGKILL), ("characters", signal.SIGTERM)]
)
def test_resumed_readings_are_those_of_an_undisturbed_run(
    train_in_process, tmp_path, small, number, flags
):
    command, run, stop = small, RUN, partial(signal_at, 37, number)
    prepare = None
    if flags == "characters":
        command, run = WRITER, WRITER_RUN
        prepare, stop = write_book, partial(write_book_and_stop, number)
    command = [*command, *ALL]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train_in_process(*command, folder=whole, prepare=prepare).code == 0
    assert train_in_process(*command, folder=parts, prepare=stop).code in (143, -9)
    assert train_in_process(*command, "--ckpt_path=last", folder=parts).code == 0
    assert instruments(parts / run) == instruments(whole / run)
    shown = pictures(whole / run)
    assert shown["figures/jacobians/profile"] == [1, 18, 36, 54, 61]
    assert pictures(parts / run) == shown


def test_a_run_may_be_watched_from_its_middle_on(train_in_process, tmp_path, small):
    assert train_in_process(*small).code == 0
    more = ["--ckpt_path", str(RUN), "--trainer.max_steps=80", "--watch.states=10"]
    assert train_in_process(*more).code == 0
    lines = (tmp_path / RUN / "instruments/states.csv").read_text().splitlines()[1:]
    assert sorted({int(line.split(",")[0]) for line in lines}) == [70, 80, 81]


def test_several_devices_do_not_wait_for_each_other(train_in_process, tmp_path, small):
    two = ["--trainer.devices=2", "--trainer.strategy=ddp_fork"]
    run = train_in_process(*small, *ALL, *two)
    assert run.code == 0, run.err
    assert len(instruments(tmp_path / RUN)) == 14


def test_without_a_flag_there_is_no_callback(parse_callbacks):
    assert not parse_callbacks()
    assert parse_callbacks("--watch.states=5", "--watch.parameters=7") == ["States", "Parameters"]


def test_a_fast_run_writes_nothing(train, tmp_path, small):
    assert train(*small, *ALL, "--trainer.fast_dev_run=true").code == 0
    assert not list(tmp_path.rglob("instruments"))


@pytest.fixture
def parse_callbacks(tmp_path, monkeypatch, small):
    """The names of the instruments that a command makes."""
    from callbacks.instruments.instrument import Instrument
    from command_line.arguments import take_apart
    from command_line.cli import TrainingCLI

    monkeypatch.chdir(tmp_path)

    def parse(*flags: str) -> list[str]:
        monkeypatch.setattr(TrainingCLI, "_run_subcommand", lambda *_: None)
        cli = TrainingCLI(take_apart([*small, *flags, f"--run.name=r{len(flags)}"]))
        cli.folder.release()
        return [type(e).__name__ for e in cli.trainer.callbacks if isinstance(e, Instrument)]

    return parse


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("value", "says"),
    [("0", "must be at least 1, got 0"), ("-5", "must be at least 1, got -5")]
    + [(value, f"got {value}") for value in ("often", "1.5", "true")],
)
def test_what_is_no_number_of_steps(name, value, says, train, tmp_path, small):
    run = train(*small, f"--watch.{name}={value}")
    assert run.code == 2 and len(run.err.splitlines()) == 1
    assert f"watch.{name}" in run.err and says in run.err.lower()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES[:-1])
def test_a_network_without_time(name, train, tmp_path):
    run = train("fit", f"--config={ROOT / 'configs/graphs.yaml'}", f"--watch.{name}=5")
    assert run.code == 2 and len(run.err.splitlines()) == 1
    assert f"watch.{name}" in run.err and "GCN has no recurrent layer" in run.err
    assert not list(tmp_path.iterdir())


def test_along_a_curriculum_sequences_become_longer(train_in_process, tmp_path, small):
    flags = ["--data.curriculum.start=2", "--data.curriculum.window=1", "--data.curriculum.loss=2"]
    flags += ["--trainer.max_steps=200", "--convergence.threshold=null", "--watch.states=40"]
    run = train_in_process(*small, *flags)
    assert run.code == 0, run.err
    lengths: dict[int, int] = {}
    for line in (tmp_path / RUN / "instruments/states.csv").read_text().splitlines()[1:]:
        step, _, _, t, *_ = line.split(",")
        lengths[int(step)] = max(int(t), lengths.get(int(step), 0))
    assert list(lengths) == [1, 40, 80, 120, 160, 200, 201]
    assert lengths[1] == 2 < lengths[201] <= 4
