"""The command that compares: a grid of runs, carried out side by side."""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from command_line.comparing_flags import carried_out, parser_of_compare, take_fixed, varied
from command_line.errors import UsageError
from command_line.names import visible
from command_line.standard_output import standard_output
from command_line.unwritable import THEN, Unwritable, concerns, told

if TYPE_CHECKING:
    from comparison.conduct import Conductor
    from comparison.definition import Definition
    from comparison.engine import Engine
    from comparison.folder import ComparisonFolder
    from comparison.grid import Run

# The most jobs and threads: more than any machine has.
MOST = 1024
# Of its time, what collecting results while runs go on may take.
COLLECTING = 0.05


def carry_out(argv: list[str]) -> int:
    """Carry out `compare`.

    Args:
        argv: the subcommand and its flags.

    Returns:
        0 when all runs are finished; 1 when some have failed; 128 + n when signal n ended it.

    Raises:
        UsageError: the command cannot be carried out as it was typed.
    """
    ours, fixed = take_fixed(argv[1:])
    flags = parser_of_compare().parse(ours)
    vary = varied(flags.vary)
    for name in ("jobs", "threads"):
        value = getattr(flags, name)
        if value is not None and not 1 <= value <= MOST:
            bound = f"at least 1, got {value}" if value < 1 else f"at most {MOST}, got {value}"
            raise UsageError(f"--{name}: must be {bound}")
    if flags.gpus_per_run is not None and flags.engine != "ray":
        raise UsageError("--gpus_per_run goes with --engine ray; here, runs share the GPUs")
    if flags.gpus_per_run is not None and not 0 < flags.gpus_per_run <= MOST:
        raise UsageError(f"--gpus_per_run: must be above 0, got {flags.gpus_per_run:g}")
    # What needs YAML comes only now.
    from comparison.beside import check_beside
    from comparison.definition import define
    from comparison.folder import ComparisonFolder

    names = ("models", "lengths", "seeds", "test_lengths", "folder")
    stated = {name: getattr(flags, name) for name in names if getattr(flags, name) is not None}
    file = Path(flags.config) if flags.config else None
    definition, place = define(file, {**stated, "vary": vary}, fixed)
    if definition.beside:
        check_beside(definition.beside)
    folder = ComparisonFolder(place, definition.test_lengths)
    return _compare(folder.check(definition), folder, flags)


def _compare(definition: Definition, folder: ComparisonFolder, flags: argparse.Namespace) -> int:
    from comparison import words
    from comparison.conduct import Conductor
    from comparison.display import Display
    from comparison.folder import AHEAD, State

    how = carried_out(flags)
    retried = ["--retry_failed"] * flags.retry_failed
    runs = definition.grid.runs()
    threads = threads_of_run(flags.threads, flags.jobs, definition.base.get("threads", 1))
    engine = _engine(flags, threads)
    found = {run: folder.state(run) for run in runs}
    if flags.retry_failed:
        found = {run: State.BEGUN if s is State.FAILED else s for run, s in found.items()}
    states = Counter(found.values())
    place = f"{flags.jobs} at once" + f", {threads} threads each" * (threads is not None)
    announcement = visible(words.announcement(definition, folder, states, place))
    ahead = [run for run, state in found.items() if state in AHEAD]
    display = Display(len(runs), states[State.FINISHED], states[State.FAILED])
    conductor = Conductor(engine, folder, definition, threads, display, _now_and_then(folder, runs))
    try:
        if not flags.dry_run:
            print(announcement, flush=True)
        if ahead:
            with conductor.stop.listening():
                conductor.check(ahead)
        if conductor.stop.signals:
            print(words.NOT_BEGUN, flush=True)
            return 128 + conductor.stop.signals[0]
        if flags.dry_run:
            with standard_output():
                print(announcement)
            return 0
        with folder.claimed(definition):
            if flags.retry_failed:
                # Not before: a command that is refused leaves things as they are.
                for run in ahead:
                    folder.forget_failure(run)
            _carry_out(conductor, ahead, folder, runs)
    except OSError as error:
        if not concerns(error, folder.path):
            raise
        conductor.unwritable = told(error, folder.path)
    finally:
        engine.kill()
    if conductor.unwritable:
        raise Unwritable(f"{conductor.unwritable}{THEN}go on with: {words.command(folder)}")
    if conductor.stop.signals:
        print(visible(words.interrupted(folder, [*how, *retried])), flush=True)
        return 128 + conductor.stop.signals[0]
    if failed := words.closing(folder, runs, how):
        print(visible(failed), flush=True)
        return 1
    return 0


def _carry_out(
    conductor: Conductor, ahead: list[Run], folder: ComparisonFolder, runs: list[Run]
) -> None:
    from comparison import outputs, results

    if ahead:
        with conductor.stop.listening(), conductor.display:
            conductor.carry_out(ahead)
    if not (conductor.stop.signals or conductor.unwritable):
        results.collect(folder.path, runs, folder.test_lengths)
        outputs.show(folder.path)


def threads_of_run(wanted: int | None, jobs: int, of_config: object) -> int | None:
    """CPU threads of a run.

    Args:
        wanted: threads of all jobs together; None if nobody has said.
        jobs: runs at once.
        of_config: what the config says of a run.

    Returns:
        None to leave it to the config, whose runs then have the same results with any number of
        jobs: sums differ in their last digits with the number of threads that add them up.
    """
    if wanted is not None:
        return max(1, wanted // jobs)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    share = max(1, (cores or 1) // jobs)
    return None if isinstance(of_config, int) and of_config <= share else share


def _engine(flags: argparse.Namespace, threads: int | None) -> Engine:
    if flags.engine == "ray":
        from comparison.engine_ray import RayEngine

        engine: Engine = RayEngine(flags.jobs, threads or 1, flags.gpus_per_run)
        return engine
    from comparison.engine_local import LocalEngine

    return LocalEngine(flags.jobs)


def _now_and_then(folder: ComparisonFolder, runs: list[Run]) -> Callable[[], None]:
    """Collect the results, unless that has just taken long."""
    from comparison import results

    due = 0.0

    def collect() -> None:
        nonlocal due
        begun = time.monotonic()
        if begun >= due:
            results.collect(folder.path, runs, folder.test_lengths)
            due = time.monotonic() + (time.monotonic() - begun) / COLLECTING

    return collect
