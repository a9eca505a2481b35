"""Which of a run's processes this is, told before Lightning has started any."""

from __future__ import annotations

import os


def is_main_process() -> bool:
    """Whether this is the one process that writes files and talks to the person.

    torchrun sets RANK. SLURM sets SLURM_PROCID, and Lightning NODE_RANK and LOCAL_RANK; in an
    allocation without srun, the processes that Lightning starts inherit one SLURM_PROCID.
    """
    names = ("RANK",) if "RANK" in os.environ else ("SLURM_PROCID", "NODE_RANK", "LOCAL_RANK")
    return all(int(os.environ.get(name, 0)) == 0 for name in names)
