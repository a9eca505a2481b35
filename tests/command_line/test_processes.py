"""Which process writes: told by the environment that each launcher sets."""

from __future__ import annotations

import pytest

from command_line.processes import is_main_process


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, True),
        # torchrun
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),
        ({"RANK": "1", "LOCAL_RANK": "1"}, False),
        ({"RANK": "2", "LOCAL_RANK": "0"}, False),
        # SLURM
        ({"SLURM_PROCID": "0"}, True),
        ({"SLURM_PROCID": "3"}, False),
        # Lightning in an allocation without srun: its children inherit the number.
        ({"SLURM_PROCID": "0", "LOCAL_RANK": "1"}, False),
        # Lightning, which starts the others of its machine itself
        ({"LOCAL_RANK": "0"}, True),
        ({"LOCAL_RANK": "1"}, False),
        ({"NODE_RANK": "0"}, True),
        ({"NODE_RANK": "1"}, False),
        ({"NODE_RANK": "1", "LOCAL_RANK": "0"}, False),
        ({"NODE_RANK": "0", "LOCAL_RANK": "1"}, False),
    ],
)
def test_is_main_process(environment, expected, monkeypatch):
    for name in ("RANK", "SLURM_PROCID", "NODE_RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_main_process() is expected
