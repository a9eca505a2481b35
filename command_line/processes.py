"""Which of a run's processes this is: said by what has started it, and settled by the Trainer.

A launcher starts several processes and tells each its number in environment variables. These also
come from elsewhere: from a notebook, from an earlier job, or from a batch script that starts one
process alone. What such variables say by themselves is left aside; what a launcher says has to
agree with what the Trainer has been asked for.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from command_line.errors import UsageError

if TYPE_CHECKING:
    from pytorch_lightning import Trainer


@dataclass(frozen=True)
class Launcher:
    """What starts several processes, and the variables by which it tells each which one it is.

    Attributes:
        name: of the command.
        mark: a variable that only a process has which it has started.
        rank, size: variables of a process's number, from 0, and of how many there are.
        others: variables that Lightning needs as well.
        why_unused: why Lightning may not see what it has started.
    """

    name: str
    mark: str
    rank: str
    size: str
    others: tuple[str, ...] = ()
    why_unused: str = ""

    def has_started_this(self) -> bool:
        return all(os.environ.get(name) for name in (self.mark, self.rank, self.size))


# In the order in which Lightning looks for them: torchrun may be used inside of the others.
LAUNCHERS = (
    Launcher("torchrun", "TORCHELASTIC_RUN_ID", "RANK", "WORLD_SIZE", ("LOCAL_RANK",)),
    Launcher(
        "srun",
        *("SLURM_STEP_ID", "SLURM_PROCID", "SLURM_NTASKS"),
        ("SLURM_LOCALID", "SLURM_NODEID"),
        "the job is interactive",
    ),
    Launcher("jsrun", "JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE"),
    *(
        Launcher("mpirun", f"{of}_SIZE", f"{of}_RANK", f"{of}_SIZE", (), "mpi4py is not installed")
        for of in ("OMPI_COMM_WORLD", "PMI")
    ),
)
# Numbers that Lightning reads, and the least that each may be.
NUMBERS = {
    **{name: 0 for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK")},
    **{name: 0 for name in ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID")},
    **{name: 0 for name in ("JSM_NAMESPACE_RANK", "JSM_NAMESPACE_LOCAL_RANK")},
    **{name: 1 for name in ("WORLD_SIZE", "MASTER_PORT", "JSM_NAMESPACE_SIZE")},
    **{name: 1 for name in ("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_NNODES")},
    "SLURM_JOB_ID": 0,
    **{launcher.rank: 0 for launcher in LAUNCHERS},
    **{launcher.size: 1 for launcher in LAUNCHERS},
}
VARIABLES = {*NUMBERS, "MASTER_ADDR", *(launcher.mark for launcher in LAUNCHERS)}
# The process that has had Lightning start this one.
PARENT = "TRAIN_PY_STARTED_BY"
LARGEST_PORT = 65535
# In which the first of several processes ends them all, having told why.
SECONDS_TO_TELL = 5.0


def forget_launchers() -> None:
    """Let this process, and those that it will start, be on their own, whatever has started it."""
    for name in VARIABLES:
        os.environ.pop(name, None)


def check_environment() -> None:
    """Make sure that Lightning can read what launchers say; to be called before it is imported.

    Empty variables go, and so does what would make it wait for processes that nobody has started.

    Raises:
        UsageError: a number is none, or a launcher contradicts itself.
    """
    for name in VARIABLES:
        if not os.environ.get(name, "").strip():
            os.environ.pop(name, None)
    for name, least in NUMBERS.items():
        _number(name, least)
    if launcher := launched_by():
        rank, size = _number(launcher.rank), _number(launcher.size)
        missing = [name for name in launcher.others if name not in os.environ]
        wrong = ""
        if rank >= size:
            wrong = f"{launcher.rank}={rank} is not below {launcher.size}={size}"
        elif missing:
            wrong = f"{missing[0]} is not there"
        elif launcher.name == "srun" and size > 1 and "SLURM_NTASKS_PER_NODE" not in os.environ:
            wrong = "Lightning needs to be told the processes of a machine, by --ntasks-per-node"
        if wrong:
            raise UsageError(
                f"{launcher.name} has started {size} processes ({launcher.size}={size}), but "
                f"{wrong}; if it has not started this, unset {launcher.mark}"
            )
    if not os.environ.get("SLURM_STEP_ID"):
        # A batch script of SLURM, without srun, or what is left of one: this is the only process.
        os.environ.pop("SLURM_NTASKS", None)


def launched_by() -> Launcher | None:
    """The launcher that has started this process, if any."""
    return next((each for each in LAUNCHERS if each.has_started_this()), None)


def is_main_process() -> bool:
    """Whether this process talks to the person, as far as its environment tells.

    It is for what is said before there is a Trainer, which knows. Where in doubt, it talks.
    """
    launcher = launched_by()
    if launcher:
        with suppress(ValueError):
            return int(os.environ[launcher.rank]) == 0
    return not _is_started_by_lightning()


def tells_mistakes() -> bool:
    """Whether this process tells why the run cannot be; the first of several comes first."""
    if _is_started_by_lightning():
        return False
    if not is_main_process():
        # Most launchers end the others with the first. If this one is still there, it may be alone.
        time.sleep(SECONDS_TO_TELL)
    return True


def settle(trainer: Trainer) -> None:
    """Make sure that the Trainer uses the processes that there are, and let Lightning's parts know.

    Raises:
        UsageError: it does not, or would wait for others that cannot come.
    """
    from pytorch_lightning.utilities import rank_zero_only

    strategy = trainer.strategy
    environment = getattr(strategy, "cluster_environment", None)
    # Otherwise than by the command that started this one; a private name of Lightning's.
    starts_others = getattr(strategy, "_start_method", "popen") != "popen"
    is_external = bool(environment and environment.creates_processes_externally)
    wanted, launcher = trainer.num_devices * trainer.num_nodes, launched_by()
    if launcher:
        size = _number(launcher.size)
        if size != wanted and (size > 1 or is_external):
            raise UsageError(_other_number(launcher, size, trainer))
        if size > 1 and (starts_others or not is_external):
            raise UsageError(_unused(launcher, size, starts_others))
    if environment and wanted > 1 and not _is_started_by_lightning():
        if not launcher or not is_external:
            _check_started_here(trainer, is_external, starts_others)
            os.environ[PARENT] = str(os.getpid())
        try:
            environment.validate_settings(trainer.num_devices, trainer.num_nodes)
        except (RuntimeError, ValueError) as error:
            raise UsageError(f"trainer: {error}") from None
        # The agent of torchrun has its port itself.
        if trainer.is_global_zero and not (launcher and launcher.name == "torchrun"):
            _check_meeting_place(is_here=trainer.num_nodes == 1)
    # When it was imported, Lightning took it from whatever variables there were.
    rank_zero_only.rank = trainer.global_rank  # type: ignore[attr-defined]


def _is_started_by_lightning() -> bool:
    return os.environ.get("LOCAL_RANK", "0") != "0" and os.environ.get(PARENT) == str(os.getppid())


def _number(name: str, least: int = 0) -> int:
    value = os.environ.get(name)
    if value is None:
        return least
    most = LARGEST_PORT if name == "MASTER_PORT" else sys.maxsize
    try:
        number = int(value)
    except ValueError:
        number = -1
    if not least <= number <= most:
        raise UsageError(
            f"the environment variable {name} must be a whole number from {least}"
            + f" to {most}" * (most == LARGEST_PORT)
            + f", got {value!r}: unset {name}, or let what starts the processes set it"
        )
    return number


def _other_number(launcher: Launcher, size: int, trainer: Trainer) -> str:
    devices, nodes = trainer.num_devices, trainer.num_nodes
    flag = f"give --trainer.devices {size // nodes}, or " if size % nodes == 0 else ""
    return (
        f"{launcher.name} has started {size} process{'es' * (size > 1)} ({launcher.size}={size}), "
        f"but --trainer.devices {devices} with --trainer.num_nodes {nodes} is {devices * nodes}: "
        f"{flag}have it start {devices * nodes}; if it has not started this, unset {launcher.mark}"
    )


def _unused(launcher: Launcher, size: int, starts_others: bool) -> str:
    if starts_others:
        return (
            f"{launcher.name} has started {size} processes, and the strategy would start as many "
            f"in each: give --trainer.strategy ddp"
        )
    why = f", since {launcher.why_unused}" if launcher.why_unused else ""
    return (
        f"{launcher.name} has started {size} processes, which Lightning does not take for one "
        f"run{why}: start them with torchrun; if it has not started this, unset {launcher.mark}"
    )


def _check_started_here(trainer: Trainer, is_external: bool, starts_others: bool) -> None:
    """Where Lightning starts the processes of this machine, or a person does, or a script."""
    devices, nodes = trainer.num_devices, trainer.num_nodes
    node = "NODE_RANK" if "NODE_RANK" in os.environ else "GROUP_RANK"
    for name, count, flag in (("LOCAL_RANK", devices, "devices"), (node, nodes, "num_nodes")):
        if _number(name) >= count:
            raise UsageError(
                f"{name}={os.environ[name]} must be below --trainer.{flag} {count}: unset {name}"
            )
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if nodes > 1 and missing:
        raise UsageError(
            f"--trainer.num_nodes {nodes}: {' and '.join(missing)} must say where the first "
            f"machine is; torchrun and srun do so"
        )
    if "LOCAL_RANK" not in os.environ or not is_external:
        return
    said = f"LOCAL_RANK={os.environ['LOCAL_RANK']}"
    if starts_others or "MASTER_PORT" in missing:
        why = "there is no MASTER_PORT for them to meet at"
        if starts_others:
            why = "the strategy starts them itself"
        raise UsageError(
            f"{said} says that the {devices * nodes} processes of this run are started by hand, "
            f"but {why}: unset LOCAL_RANK"
        )
    print(
        f"{said}: waiting for the other processes, which are started by hand; if nobody starts "
        f"them, unset LOCAL_RANK",
        file=sys.stderr,
        flush=True,
    )


def _check_meeting_place(is_here: bool) -> None:
    """Make sure that processes can meet at MASTER_ADDR and MASTER_PORT, where these are set."""
    address, port = os.environ.get("MASTER_ADDR"), os.environ.get("MASTER_PORT")
    name = "MASTER_PORT"
    try:
        if port:
            socket.create_server(("", int(port))).close()
        name = "MASTER_ADDR"
        if address and is_here:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            socket.create_server((address, 0), family=family).close()
        elif address:
            socket.getaddrinfo(address, None)
    except OSError as error:
        # Python adds the address.
        why = str(error.strerror).partition(" (")[0]
        raise UsageError(
            f"processes cannot meet at {name}={os.environ[name]} ({why}): unset {name}, or choose "
            f"another one"
        ) from None
