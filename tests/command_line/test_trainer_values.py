"""Texts that the Trainer does not understand are told in words of the program's own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from command_line.errors import UsageError
from command_line.trainer_values import check_texts

PLAIN: dict[str, Any] = {
    "accelerator": "cpu",
    "devices": "auto",
    "strategy": "auto",
    "gradient_clip_algorithm": None,
    "profiler": None,
    "max_time": None,
    "val_check_interval": None,
}
GPU = {"accelerator": "gpu"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"accelerator": "auto", "devices": 3, "strategy": "ddp_fork"},
        {"devices": "2"},
        {**GPU, "devices": -1},
        {**GPU, "devices": "0,1"},
        {**GPU, "devices": [0, 2]},
        {"gradient_clip_algorithm": "value", "profiler": "simple"},
        {"profiler": object(), "strategy": object(), "accelerator": object()},
        {"max_time": "00:00:00:01", "val_check_interval": 5},
        {"max_time": {"hours": 1}, "val_check_interval": "01:00:00:00"},
        {"max_time": timedelta(seconds=1)},
    ],
)
def test_understood(changes):
    check_texts({**PLAIN, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accelerator": "gpuu"}, "trainer.accelerator must be one of auto, cpu, cuda, gpu, "),
        ({"strategy": "dpp"}, "unknown trainer.strategy dpp, did you mean ddp?"),
        ({"strategy": "zzz"}, "unknown trainer.strategy zzz; such as auto or ddp"),
        ({"strategy": "ddp_spawn"}, "trainer.strategy ddp_spawn cannot start processes here: take"),
        ({"devices": "abc"}, "trainer.devices must be a number of processes above 0, or auto, got"),
        ({"devices": 0}, "trainer.devices must be a number of processes above 0, or auto, got 0"),
        ({"devices": [0]}, "trainer.devices must be a number of processes above 0, or auto, got ["),
        ({**GPU, "devices": "x"}, "must be a whole number above 0, a list such as [0, 2], or auto"),
        ({"gradient_clip_algorithm": "l2"}, "must be one of norm, value, or null, got l2"),
        ({"profiler": "fast"}, "trainer.profiler must be one of simple, advanced, pytorch, xla, "),
        ({"max_time": "1:00"}, "trainer.max_time must be a time above 0 as DD:HH:MM:SS, such as"),
        ({"max_time": "00:00:00:00"}, "must be a time above 0 as DD:HH:MM:SS"),
        ({"max_time": {"a": 1}}, "must be a time above 0 as DD:HH:MM:SS"),
        ({"max_time": {}}, "must be a time above 0 as DD:HH:MM:SS"),
        ({"val_check_interval": "abc"}, "val_check_interval must be a number of steps, or a time "),
        ({"val_check_interval": {}}, "val_check_interval must be a number of steps, or a time abo"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(UsageError) as refused:
        check_texts({**PLAIN, **changes})
    assert message in str(refused.value)
