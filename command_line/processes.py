"""Which of a run's processes this is, told before Lightning has started any."""

from __future__ import annotations

import os


def is_main_process() -> bool:
    """Whether this is the one process that writes files and talks to the person.

    Launchers set RANK (torchrun), SLURM_PROCID (SLURM), or NODE_RANK and LOCAL_RANK (Lightning).
    """
    for name in ("RANK", "SLURM_PROCID"):
        if name in os.environ:
            return int(os.environ[name]) == 0
    return all(int(os.environ.get(name, 0)) == 0 for name in ("NODE_RANK", "LOCAL_RANK"))
