"""Runs whose processes die, and settings that are checked before any run."""

from __future__ import annotations

import io
import signal

import pytest
from rich.console import Console

from command_line.errors import UsageError
from comparison.conduct import Conductor, Stop, distinct
from comparison.definition import define
from comparison.display import Display
from comparison.engine import Answer
from comparison.folder import ComparisonFolder, State
from comparison.grid import Grid
from comparison.one_run import Kind, Outcome, carry_out
from tests.comparison import faults
from tests.results import RESULT_TEXT
from tests.resuming import assert_identical, essence


@pytest.fixture
def conduct(engine, small_config, tmp_path, monkeypatch):
    """Carry out runs of seeds 0, 1 and 2 by a function, in a folder."""
    monkeypatch.chdir(tmp_path)

    def carry_all_out(name: str, function):
        definition, _ = define(small_config, {"seeds": "3"}, {})
        folder, runs = ComparisonFolder(tmp_path / name), definition.grid.runs()
        display = Display(len(runs), 0, 0, Console(file=io.StringIO(), width=200))
        conductor = Conductor(engine, folder, definition, None, display, list, function)
        with folder.claimed(definition):
            conductor.carry_out(runs)
        return folder, runs, display.console.file.getvalue()

    return carry_all_out


def test_a_run_whose_worker_dies_goes_on_from_its_checkpoint(conduct, curves_of, result_of):
    undisturbed, runs, _ = conduct("undisturbed", carry_out)
    for function in (faults.killed_once, faults.terminated_once):
        disturbed, _, said = conduct(function.__name__, function)
        assert "RRN/seed=1: " in said and "it goes on from its checkpoint" in said
        for run in runs:
            expected, found = (
                essence(folder.run(run).path, curves_of, result_of)
                for folder in (undisturbed, disturbed)
            )
            assert_identical(expected, found)
            tries = disturbed.log(run).read_text().count("$ python")
            assert tries == (2 if run.seed == 1 else 1)


def test_a_run_that_always_dies_is_given_up_and_leaves_the_others_alone(conduct):
    folder, runs, said = conduct("folder", faults.always_killed)
    states = [folder.state(run) for run in runs]
    assert states == [State.FINISHED, State.FAILED, State.FINISHED]
    assert (folder.path / "tries").read_text() == "xxxx"
    reason = "its process was ended by SIGKILL, as when memory runs out, 4 times"
    assert folder.failure(runs[1]) == reason and f"failed: RRN/seed=1: {reason}" in said


class InstantEngine:
    """Finishes every run at once, one after the other."""

    def __init__(self, folder: ComparisonFolder) -> None:
        self.folder, self.idle, self.begun = folder, 1, []

    @property
    def busy(self) -> int:
        return len(self.begun)

    def start(self, run, function, task) -> None:
        self.begun.append(run)
        self.idle = 0

    def wait(self, seconds: float) -> list[Answer]:
        self.idle, ended, self.begun = 1, self.begun, []
        for run in ended:
            self.folder.run(run).path.mkdir(parents=True, exist_ok=True)
            self.folder.run(run).result_file.write_text(RESULT_TEXT)
        return [Answer(run, Outcome(Kind.FINISHED)) for run in ended]


def test_time_left_is_learnt_from_runs_that_were_seen_from_end_to_end(small_config, tmp_path):
    definition, _ = define(small_config, {"seeds": "3"}, {})
    folder, (begun, new, ahead) = ComparisonFolder(tmp_path / "folder"), definition.grid.runs()
    folder.run(begun).checkpoints.mkdir(parents=True)
    folder.run(begun).checkpoint("last").touch()
    folder.definition_file.touch()
    display = Display(3, 0, 0, Console(file=io.StringIO()))
    conductor = Conductor(InstantEngine(folder), folder, definition, None, display, list)
    conductor.carry_out([begun])
    conductor.queue.append(ahead)
    assert display.finished == 1 and display.seconds_left() is None
    conductor.queue.clear()
    conductor.carry_out([new])
    conductor.queue.append(ahead)
    assert display.finished == 2 and 0 < display.seconds_left() < 1


WRONG = {
    "optimizer.lrr": ("0.1", "optimizer.lrr: RMSprop has no setting lrr, did you mean lr?"),
    "model.hidden_size": ("8,x", "model.hidden_size: must be a whole number, got x"),
    "optimizer": ("SGD,Rmsprob", "unknown optimizer Rmsprob, did you mean RMSprop?"),
    # What only building a run tells.
    "data.length": ("5,1", "length must be at least 2, got 1"),
    "data.batch_size": (f"4,{10**15}", f"data.batch_size {10**15} x data.length 4 takes 40 PB of"),
    "optimizer.lr": ("0.1,-1", "optimizer or lr_scheduler: Invalid learning rate: -1.0"),
    "watch.states": ("0", "watch.states must be at least 1, got 0"),
    "trainer.devices": ("1,2", "a run of a comparison has one device, got trainer.devices 2"),
    "trainer.num_nodes": ("2", "a run of a comparison has one device, got trainer.num_nodes 2"),
}


def test_every_wrong_setting_is_told_before_any_run(engine, small_config, tmp_path):
    for flag, (values, message) in WRONG.items():
        definition, _ = define(small_config, {"vary": {flag: values}, "models": "RNN,RRN"}, {})
        folder = ComparisonFolder(tmp_path / "folder")
        conductor = Conductor(engine, folder, definition, None, Display(1, 0, 0), list)
        with pytest.raises(UsageError) as error:
            conductor.check(definition.grid.runs())
        assert message in str(error.value)
    assert not folder.path.exists()


def test_a_class_and_its_settings_are_understood_together(engine, small_config, tmp_path):
    vary = {"optimizer.momentum": "0.5,0.9", "optimizer": "SGD,RMSprop"}
    definition, _ = define(small_config, {"vary": vary, "models": "RNN,GRU"}, {})
    folder = ComparisonFolder(tmp_path / "folder")
    conductor = Conductor(engine, folder, definition, None, Display(1, 0, 0), list)
    conductor.check(definition.grid.runs())


def test_of_a_large_grid_each_setting_is_parsed_once():
    lengths = tuple(str(length) for length in range(2, 102))
    varied = {"data.length": lengths, "model.hidden_size": ("4", "8")}
    commands = distinct(Grid(("RNN", "LSTM"), varied, (0, 1)).runs(), {"optimizer": "SGD"})
    assert len(commands) < 110
    for needed in [f"--data.length={length}" for length in lengths]:
        assert any(needed in command for command in commands)
    for model in ("RNN", "LSTM"):
        for size in ("4", "8"):
            both = {f"--model={model}", f"--model.hidden_size={size}", "--optimizer=SGD"}
            assert any(both <= set(command) for command in commands)


def test_a_terminal_that_closes_asks_once():
    """Its shell and the system may both tell; more than one signal would end runs at once."""
    stop, others = Stop(), signal.getsignal(signal.SIGHUP)
    with stop.listening():
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGINT):
            signal.raise_signal(number)
    assert stop.signals == [signal.SIGHUP, signal.SIGINT]
    assert signal.getsignal(signal.SIGHUP) is others
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stop.listening():
        signal.raise_signal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, others)
    assert len(stop.signals) == 2
