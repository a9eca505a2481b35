"""The flags of a run that are neither the model's, nor the data's, nor the Trainer's."""

from __future__ import annotations

from jsonargparse.typing import restricted_number_type
from pytorch_lightning.cli import LightningArgumentParser

from callbacks import Checkpoints, Convergence, Patience, Samples, watch
from command_line.flags import MOST_THREADS

Threads = restricted_number_type("Threads", int, [(">", 0), ("<=", MOST_THREADS)])


def add_run_flags(parser: LightningArgumentParser, subcommand: str) -> None:
    """Let a parser know what stops, keeps and names a run."""
    parser.add_class_arguments(Convergence, "convergence")
    parser.add_class_arguments(Patience, "early_stopping")
    parser.add_class_arguments(
        Checkpoints,
        "checkpoints",
        skip={"folder", "interruption", "config"},
        instantiate=False,
    )
    parser.add_class_arguments(Samples, "samples", skip={"file"}, instantiate=False)
    parser.add_function_arguments(watch, "watch", skip={"folder", "model"})
    parser.add_argument(
        "--threads",
        type=Threads | None,
        default=1,
        help="CPU threads of a process; null: as many as there are cores.",
    )
    if subcommand == "predict":
        parser.add_argument(
            "--output",
            type=str | None,
            default=None,
            help="File of comma-separated values; null or -: the standard output.",
        )
    if subcommand == "test":
        parser.add_argument(
            "--lengths",
            type=str | None,
            default=None,
            help="Lengths to measure at, 10:200:10 up to 200 or 5,10,50; null: that of the data.",
        )
        parser.add_argument(
            "--output",
            type=str | None,
            default=None,
            help="With lengths, FILE.csv of their table; null: lengths.csv in the run's folder.",
        )
    parser.add_argument("--run.root", default="runs", help="Folder of all runs.")
    parser.add_argument("--run.experiment", default="other", help="Runs to compare.")
    parser.add_argument(
        "--run.name",
        type=str | None,
        default=None,
        help="The run is kept in root/experiment/MODEL/name; null: what the flags change.",
    )
