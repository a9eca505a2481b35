"""The program: from what was typed to an exit code."""

from __future__ import annotations

import errno
import logging
import sys
import warnings

from command_line import comparing, help, plotting, processes, writing
from command_line.arguments import COMPARING, PLOTTING, WRITING, check_text, take_apart
from command_line.errors import UsageError
from command_line.memory import exhausted, told
from command_line.names import visible
from command_line.standard_output import forgiving_streams, standard_output
from command_line.unwritable import Unwritable
from command_line.waiting import compiling_is_told
from figures import draw_into_files
from storage.archive import Broken

# Advertisements, devices that are not there, and what the program says in its own words.
NOISE = (
    "💡",
    "TPU available: False",
    "GPU available: False",
    "Seed set to",
    "Restoring states from",
    "Restored all states",
    "`Trainer.fit` stopped",
    "was configured so ",
    "You have turned on `Trainer(detect_anomaly=True)`",
    "Running in `fast_dev_run` mode",
)


def main(argv: list[str]) -> int:
    """Carry out a command.

    Args:
        argv: what was typed behind `train.py`.

    Returns:
        0 when it is done; 1 when runs of a comparison have failed, or a disk is full or a folder
        gone, and 2 for wrong input, told in one line on standard error; 128 + n when signal n ended
        the run, after a checkpoint.
    """
    draw_into_files()
    with forgiving_streams():
        try:
            return _carry_out(argv)
        except (UsageError, Unwritable) as error:
            if processes.tells_mistakes():
                print(f"train.py: error: {visible(' '.join(str(error).split()))}", file=sys.stderr)
            return 2 if isinstance(error, UsageError) else 1
        except (MemoryError, OSError, RuntimeError) as error:
            line = _of_the_machine(error)
            if line is None:
                raise
            print(f"train.py: error: {visible(line)}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130


def _of_the_machine(error: BaseException) -> str | None:
    """What cannot be, wherever it turns up: so long a name, or so much memory; None of all else."""
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f"{error.filename}: no file has so long a name"
    return told(error) if exhausted(error) else None


def _carry_out(argv: list[str]) -> int:
    if argv and argv[0] in ("-h", "--help", "help"):
        with standard_output():
            print(help.HELP, end="")
        return 0
    if argv and argv[0] in (*WRITING, *COMPARING, *PLOTTING):
        processes.forget_launchers()
    if argv and argv[0] in WRITING:
        writing.carry_out(argv)
        return 0
    if argv and argv[0] in PLOTTING:
        plotting.carry_out(argv)
        return 0
    check_text(argv)
    if argv and argv[0] in COMPARING:
        return comparing.carry_out(argv)
    arguments = take_apart(argv)
    # What needs YAML comes only now.
    from command_line.config_file import read_once

    arguments.configs = [read_once(config) for config in arguments.configs]
    if "pytorch_lightning" not in sys.modules:
        from command_line.known_flags import check_names

        check_names(arguments)
    processes.check_environment()
    # Seconds of imports, spent only once the command is known to make sense so far.
    from pytorch_lightning.utilities.exceptions import MisconfigurationException

    from callbacks import Interrupted
    from command_line import words
    from command_line.cli import TrainingCLI
    from command_line.messages import in_plain_words
    from command_line.run_folder import FinishedAlready

    quieten()
    try:
        with compiling_is_told():
            TrainingCLI(arguments)
    except (Broken, MisconfigurationException) as error:
        raise UsageError(in_plain_words(str(error))) from None
    except FinishedAlready as finished:
        if processes.is_main_process():
            print(visible(f"This very run is finished already, in {finished.folder.path}."))
            folder = finished.folder
            print(visible(words.closing(folder.result() or {}, folder.path, finished.settings)))
    except Interrupted as interrupted:
        # Lightning kills the whole run when one of its processes ends in any other way.
        if not interrupted.is_main:
            return 0
        print(visible(words.interrupted(interrupted.step, interrupted.folder)), file=sys.stderr)
        return 128 + interrupted.signal_number
    return 0


def quieten() -> None:
    """Drop the noise, and warnings about what is done here on purpose."""

    def informs(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        return not any(noise in message for noise in NOISE)

    for package in ("pytorch_lightning", "lightning_fabric"):
        for handler in logging.getLogger(package).handlers:
            handler.addFilter(informs)
    for message in (
        # Batches are drawn faster than a worker could hand them over.
        r".*does not have many workers.*",
        # What trainer.precision 16 means is known.
        r".*is supported for historical reasons.*",
        # Lightning 2.6 on a newer torch.
        r".*LeafSpec.*",
    ):
        warnings.filterwarnings("ignore", message=message)
