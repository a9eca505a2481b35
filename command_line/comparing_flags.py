"""The flags of `compare`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from command_line.errors import UsageError
from command_line.flags import FlagParser, number, one_of, whole_number

COMPARE = """\
Carry out a grid of runs side by side, and compare them; interrupted, it goes on.

python train.py compare --models RNN,LSTM,RRN,GRU --lengths 5:100:5 --seeds 5
python train.py compare --vary optimizer=SGD,RMSprop,Adam --vary optimizer.lr=0.01,0.001
python train.py compare --config configs/characters.yaml --vary model.cell=LSTM,RRN
python train.py compare --config configs/graphs.yaml --models GCN,CellGCN --seeds 10 --jobs 2

Flags of `fit` that have a dot, such as --trainer.max_steps 500, hold in all runs; so do --data,
--optimizer and --lr_scheduler.
"""
# Flags of `fit` without a dot that hold in all runs.
CLASSES = ("data", "optimizer", "lr_scheduler")


def parser_of_compare() -> FlagParser:
    """The flags of `compare`, but for those of `fit`."""
    parser = FlagParser(_of_fit, prog="python train.py compare", description=COMPARE)
    add = parser.add_argument
    add("-c", "--config", metavar="FILE", help="of the runs, or a comparison (configs/study/)")
    add("--models", metavar="A,B", help="architectures (default: that of the config)")
    add("--lengths", metavar="LIST", help="of the data: 5:100:5 up to 100, or 5,10,20")
    add("--test_lengths", metavar="LIST", help="to measure each run at once it has trained: 5:50:5")
    add("--seeds", metavar="N", help="0 to N - 1; or a list: 3,7 or 0:9 (default: the config's)")
    add(
        "--vary",
        action="append",
        default=[],
        metavar="FLAG=A,B",
        help="any flag of fit, such as model.hidden_size=64,128; may be given several times",
    )
    add("--jobs", type=whole_number, default=1, metavar="N", help="runs at once (default: 1)")
    add("--threads", type=whole_number, metavar="N", help="CPU threads, divided among the jobs")
    add(
        "--engine",
        type=one_of("local", "ray"),
        default="local",
        metavar="local|ray",
        help="this machine, or a cluster of Ray's (default: local)",
    )
    add("--gpus_per_run", type=number, metavar="X", help="with Ray: part of a GPU, such as 0.25")
    add("--folder", metavar="FOLDER", help="default: comparisons/ and the config's run.experiment")
    add("--retry_failed", action="store_true", help="try once more what has failed")
    add("--dry_run", action="store_true", help="show the grid, and end")
    return parser


def _of_fit() -> list[str]:
    """Flags of `fit` that hold in all runs; read only once a flag is unknown."""
    from command_line.known_flags import known_names

    return [name for name in known_names("fit") if "." in name or name in CLASSES]


def carried_out(flags: argparse.Namespace) -> list[str]:
    """The flags that say how a comparison is carried out, which its folder does not keep."""
    given = {name: getattr(flags, name) for name in ("jobs", "threads", "engine", "gpus_per_run")}
    usual = {"jobs": 1, "threads": None, "engine": "local", "gpus_per_run": None}
    return [f"--{name} {value}" for name, value in given.items() if value != usual[name]]


def take_fixed(argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Part the flags of `fit` from those of `compare`.

    Returns:
        The latter as typed; the former without dashes, and their values.

    Raises:
        UsageError: one has no value.
    """
    ours: list[str] = []
    fixed: dict[str, str] = {}
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--")
        if not flag.startswith("--") or not ("." in name or name in CLASSES):
            ours.append(word)
            continue
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise UsageError(f"{flag} needs a value")
            value = rest.pop(0)
        fixed[name] = value
    return ours, fixed


def varied(typed: Sequence[str]) -> dict[str, str]:
    """Flags and the lists of their values, of what was typed behind each --vary.

    Raises:
        UsageError: one is no flag with values, or is varied twice.
    """
    lists: dict[str, str] = {}
    for each in typed:
        flag, equals, values = each.partition("=")
        flag = flag.strip().removeprefix("--")
        if not flag or not equals:
            raise UsageError(f"--vary: must be FLAG=A,B, got {each}")
        if flag in lists:
            raise UsageError(f"--vary {flag} is given twice: put its values into one list")
        lists[flag] = values
    return lists
