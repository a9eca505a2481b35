"""Which process writes and talks: launchers, their leftovers, and what contradicts itself."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace

import pytest
from pytorch_lightning import Trainer
from pytorch_lightning.utilities import rank_zero_only

from command_line import processes
from command_line.errors import UsageError
from command_line.processes import check_environment, forget_launchers, is_main_process, settle

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}
SRUN = {
    **{"SLURM_STEP_ID": "0", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2"},
    **{"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_JOB_NAME": "job"},
}
MPIRUN = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}
JSRUN = {"JSM_NAMESPACE_SIZE": "2", "JSM_NAMESPACE_RANK": "0", "JSM_NAMESPACE_LOCAL_RANK": "0"}
LIGHTNING = {"LOCAL_RANK": "1", "NODE_RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
TWO = {"devices": 2, "strategy": "ddp"}
FORK = {"devices": 2, "strategy": "ddp_fork"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(processes, "SECONDS_TO_TELL", 0)
    # What the program changes is put back too.
    for name in (*processes.VARIABLES, processes.PARENT):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def started(monkeypatch):
    """Let this process find some environment variables."""
    return lambda variables: [monkeypatch.setenv(*each) for each in variables.items()]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, True),
        (TORCHRUN, True),
        ({**TORCHRUN, "RANK": "1", "LOCAL_RANK": "1"}, False),
        ({**TORCHRUN, "RANK": "2", "LOCAL_RANK": "0", "WORLD_SIZE": "4"}, False),
        (SRUN, True),
        ({**SRUN, "SLURM_PROCID": "1"}, False),
        # torchrun within a step of SLURM
        ({**TORCHRUN, **SRUN, "SLURM_PROCID": "1"}, True),
        ({**MPIRUN, "OMPI_COMM_WORLD_RANK": "1"}, False),
        ({**JSRUN, "JSM_NAMESPACE_RANK": "1"}, False),
        # Lightning, which this process's parent has used
        ({**LIGHTNING, processes.PARENT: str(os.getppid())}, False),
        ({**LIGHTNING, "LOCAL_RANK": "0", processes.PARENT: str(os.getppid())}, True),
        # What is left over
        (LIGHTNING, True),
        ({**LIGHTNING, processes.PARENT: "1"}, True),
        ({"RANK": "1", "WORLD_SIZE": "2"}, True),
        ({"NODE_RANK": "1", "LOCAL_RANK": "0"}, True),
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, True),
        # No numbers, which is a mistake to be told
        ({"RANK": "", "LOCAL_RANK": ""}, True),
        ({**TORCHRUN, "RANK": "first"}, True),
    ],
)
def test_is_main_process(environment, expected, started):
    started(environment)
    assert is_main_process() is expected


def trainer_of(**settings) -> Trainer:
    """A Trainer as the program makes it and settles it."""
    check_environment()
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar"), False)
    trainer = Trainer(accelerator="cpu", max_steps=1, **quiet, **settings)
    settle(trainer)
    return trainer


STALE = {
    "one": {**LIGHTNING, "RANK": "1", "MASTER_PORT": "29500"},
    "another node": {"NODE_RANK": "1", "GROUP_RANK": "1"},
    "SLURM": {**SRUN, "SLURM_STEP_ID": "", "SLURM_PROCID": "1", "SLURM_NTASKS": "4"},
    "empty": dict.fromkeys(processes.VARIABLES, ""),
}


@pytest.mark.parametrize("stale", STALE.values(), ids=STALE)
def test_one_process_is_the_main_one(stale, started, monkeypatch):
    started(stale)
    # As Lightning has it when it is imported with such variables.
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    trainer = trainer_of(devices=1)
    assert trainer.is_global_zero and trainer.world_size == 1 and rank_zero_only.rank == 0


def test_what_is_left_over_changes_nothing(started, train, small, tmp_path, curves_of, monkeypatch):
    started({**STALE["one"], **STALE["SLURM"]})
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    outcome = train(*small, "--trainer.max_steps=3", "--trainer.log_every_n_steps=1")
    assert (outcome.code, outcome.err) == (0, "") and outcome.out.startswith("RRN, ")
    folder = tmp_path / "runs/palindromes/RRN/small"
    assert {"config.yaml", "result.json"} <= {each.name for each in folder.iterdir()}
    assert len(curves_of(folder)["loss/train"]) == 3


@pytest.mark.parametrize("wrong", [["--data.length=many"], ["compare", "--jobs=0"], ["generate"]])
def test_mistakes_are_told_whatever_is_left_over(wrong, started, train):
    started({**STALE["one"], **STALE["SLURM"]})
    outcome = train(*wrong)
    assert outcome.code == 2 and len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("environment", "settings", "words"),
    [
        ({"RANK": "first"}, {}, "variable RANK must be a whole number from 0, got 'first'"),
        ({"WORLD_SIZE": "0"}, {}, "variable WORLD_SIZE must be a whole number from 1, got '0'"),
        ({"LOCAL_RANK": "-1"}, {}, "variable LOCAL_RANK must be a whole number from 0, got '-1'"),
        ({"MASTER_PORT": "70000"}, {}, "MASTER_PORT must be a whole number from 1 to 65535"),
        ({**TORCHRUN, "RANK": "2"}, TWO, "RANK=2 is not below WORLD_SIZE=2"),
        ({**TORCHRUN, "LOCAL_RANK": ""}, TWO, "LOCAL_RANK is not there"),
        ({**SRUN, "SLURM_NODEID": ""}, TWO, "SLURM_NODEID is not there"),
        ({**SRUN, "SLURM_NTASKS_PER_NODE": ""}, TWO, "by --ntasks-per-node"),
        # Other numbers of processes
        (TORCHRUN, {}, "torchrun has started 2 processes (WORLD_SIZE=2), but --trainer.devices 1"),
        (TORCHRUN, {}, "is 1: give --trainer.devices 2, or have it start 1; if it has not started"),
        ({**TORCHRUN, "RANK": "1"}, {}, "torchrun has started 2 processes (WORLD_SIZE=2), but"),
        ({**TORCHRUN, **SRUN, "SLURM_NTASKS": "8"}, {}, "torchrun has started 2 processes"),
        ({**TORCHRUN, "WORLD_SIZE": "1"}, TWO, "torchrun has started 1 process (WORLD_SIZE=1)"),
        (SRUN, {}, "srun has started 2 processes (SLURM_NTASKS=2)"),
        ({**SRUN, "SLURM_NTASKS": "1"}, TWO, "srun has started 1 process (SLURM_NTASKS=1)"),
        (MPIRUN, {}, "mpirun has started 2 processes (OMPI_COMM_WORLD_SIZE=2)"),
        (JSRUN, {}, "jsrun has started 2 processes (JSM_NAMESPACE_SIZE=2)"),
        # Processes that Lightning would not use
        (TORCHRUN, FORK, "the strategy would start as many in each: give --trainer.strategy ddp"),
        ({**SRUN, "SLURM_JOB_NAME": "bash"}, TWO, "take for one run, since the job is interactive"),
        (MPIRUN, TWO, "take for one run, since mpi4py is not installed: start them with torchrun"),
        # Processes that nobody starts
        ({"LOCAL_RANK": "1"}, TWO, "there is no MASTER_PORT for them to meet at: unset LOCAL_RANK"),
        ({"LOCAL_RANK": "2"}, TWO, "LOCAL_RANK=2 must be below --trainer.devices 2: unset LOCAL_"),
        ({"LOCAL_RANK": "1"}, FORK, "the strategy starts them itself: unset LOCAL_RANK"),
        ({"NODE_RANK": "1"}, TWO, "NODE_RANK=1 must be below --trainer.num_nodes 1: unset NODE_"),
        (
            {},
            {"devices": 1, "num_nodes": 2},
            "MASTER_ADDR and MASTER_PORT must say where the first",
        ),
        # Meeting places
        ({"MASTER_ADDR": "none.invalid"}, TWO, "meet at MASTER_ADDR=none.invalid ("),
        ({"MASTER_ADDR": "192.0.2.1"}, TWO, "MASTER_ADDR=192.0.2.1 (Cannot assign requested addr"),
    ],
)
def test_contradictions(environment, settings, words, started):
    started(environment)
    with pytest.raises(UsageError) as caught:
        trainer_of(**(settings or {"devices": 1}))
    assert words in str(caught.value)


def test_a_port_that_is_taken(started):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        started({"MASTER_PORT": str(port)})
        words = rf"meet at MASTER_PORT={port} \(Address already in use\): unset MASTER_PORT"
        with pytest.raises(UsageError, match=words):
            trainer_of(**TWO)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (TORCHRUN, "torchrun has started 2 processes"),
        # Whose list of machines is not there
        ({**JSRUN, "LSB_JOBID": "1", "LSB_DJOB_RANKFILE": "none"}, "the variables of a launcher"),
    ],
)
def test_contradictions_are_told_in_a_line(environment, words, started, train, tmp_path):
    started(environment)
    outcome = train("--trainer.accelerator=cpu", "--trainer.devices=1")
    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err and len(outcome.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_who_waits_for_processes_started_by_hand_says_so(started, capfd):
    started({"LOCAL_RANK": "1", "MASTER_PORT": "29500", "MASTER_ADDR": "127.0.0.1"})
    trainer = SimpleNamespace(num_devices=2, num_nodes=1)
    processes._check_started_here(trainer, is_external=True, starts_others=False)
    assert capfd.readouterr().err.startswith("LOCAL_RANK=1: waiting for the other processes")


def test_a_batch_script_without_srun_is_a_process_alone(started):
    started({**SRUN, "SLURM_STEP_ID": ""})
    check_environment()
    # By which Lightning would wait for a second process.
    assert "SLURM_NTASKS" not in os.environ


def test_what_is_one_process_whatever_has_started_it(started):
    started({**TORCHRUN, **SRUN, **MPIRUN, "MASTER_PORT": "1"})
    forget_launchers()
    assert not processes.VARIABLES & set(os.environ)
    with pytest.raises(UsageError):
        started({"RANK": "x"})
        check_environment()


def test_the_first_of_several_tells_first(started, monkeypatch):
    waited = []
    monkeypatch.setattr(processes.time, "sleep", waited.append)
    started(TORCHRUN)
    assert processes.tells_mistakes() and not waited
    started({"RANK": "1"})
    assert processes.tells_mistakes() and len(waited) == 1
    forget_launchers()
    started({**LIGHTNING, processes.PARENT: str(os.getppid())})
    assert not processes.tells_mistakes()
