"""Settings of a grid, understood by the parser of `fit` before any run begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

# A setting takes a twentieth of a second to parse, and a multiple of it to build; of a grid that
# has more, each value is parsed, or built, once, with the first of the others.
MOST_PARSED, MOST_REHEARSED = 100, 10


def check_settings(
    config: Path,
    commands: list[list[str]],
    rehearsed: list[list[str]],
    test_lengths: Sequence[int] = (),
) -> str | None:
    """Let the parser of `fit` understand commands, and build some of them as a run would be.

    Nothing is written, and nothing is downloaded: where the data are not there, a run alone can
    tell whether they are right.

    Args:
        config: file of the base config.
        commands: flags of `fit`, without the config.
        rehearsed: those of them that are built, up to the first step.
        test_lengths: that the data must be had at.

    Returns:
        What is wrong with the first that cannot be carried out, in one line; None if all can.
    """
    from pytorch_lightning.utilities.exceptions import (  # type: ignore[attr-defined]
        MisconfigurationException,
    )

    from command_line.errors import UsageError
    from command_line.lengths import check_has_length
    from command_line.memory import exhausted, told
    from command_line.parser import import_class
    from command_line.program import quieten
    from comparison.isolation import unchanged_process
    from comparison.rehearsal import Rehearsal

    with unchanged_process():
        quieten()
        try:
            cli = Rehearsal(config, commands[0])
            for flags in commands:
                cli.understand(flags)
                check_one_device(cli.config["fit"]["trainer"])
                if test_lengths:
                    data = import_class(cli.config["fit"]["data"]["class_path"])
                    check_has_length("--test_lengths", data)
            for flags in rehearsed:
                cli.understand(flags)
                cli.build(test_lengths)
        except (UsageError, MisconfigurationException) as error:
            return " ".join(str(error).split())
        except (MemoryError, RuntimeError) as error:
            if not exhausted(error):
                raise
            return told(error)
    return None


def check_one_device(trainer: Any) -> None:
    """Make sure that a run asks for one device, which all that a worker has to give.

    Raises:
        UsageError: it asks for several.
    """
    from command_line.errors import UsageError

    devices = trainer["devices"]
    one = devices in (1, "1") or (isinstance(devices, list) and len(devices) == 1)
    if not one or trainer["num_nodes"] != 1:
        key = "num_nodes" if one else "devices"
        raise UsageError(
            f"a run of a comparison has one device, got trainer.{key} {trainer[key]}: "
            f"add --trainer.{key} 1"
        )
