"""Settings of a grid, understood by the parser of `fit` before any run begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

# A setting takes a twentieth of a second to parse; of a grid that has more, each value is
# parsed once, with the first of the others.
MOST_PARSED = 100


def check_settings(
    config: Path, commands: list[list[str]], test_lengths: Sequence[int] = ()
) -> str | None:
    """Let the parser of `fit` understand commands; no network is built, and no data are read.

    Args:
        config: file of the base config.
        commands: flags of `fit`, without the config.
        test_lengths: that the data must be had at.

    Returns:
        What is wrong with the first that cannot be understood, in one line; None if all can.
    """
    from command_line.arguments import take_apart
    from command_line.cli import TrainingCLI
    from command_line.errors import UsageError
    from comparison.isolation import unchanged_process

    class Parsed(Exception):
        """The parser is there; in place of a run."""

    class Understanding(TrainingCLI):
        """A command line that is only parsed."""

        def before_instantiate_classes(self) -> None:
            raise Parsed(self)

        def _set_seed(self) -> None:
            """Seeds of a grid are known to be right, and nothing random happens here."""

        def understand(self, flags: list[str]) -> None:
            self.arguments = take_apart(["fit", f"--config={config}", *flags])
            self.parse_arguments(self.parser, None)
            check_one_device(self.config["fit"]["trainer"])
            if test_lengths:
                check_test_lengths(self.config["fit"]["data"], test_lengths)

    with unchanged_process():
        try:
            Understanding(take_apart(["fit", f"--config={config}", *commands[0]]))
        except Parsed as parsed:
            cli = parsed.args[0]
        except UsageError as error:
            return " ".join(str(error).split())
        try:
            for flags in commands:
                cli.understand(flags)
        except UsageError as error:
            return " ".join(str(error).split())
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


def check_test_lengths(data: Any, test_lengths: Sequence[int]) -> None:
    """Make sure that a run may be measured at these lengths.

    Args:
        data: as parsed, the class and its settings.

    Raises:
        UsageError: it may not.
    """
    from jsonargparse import ArgumentParser

    from command_line.errors import UsageError
    from command_line.lengths import check_has_length, check_lengths
    from command_line.parser import CLASSES, import_class

    flag = "--test_lengths"
    check_has_length(flag, import_class(data["class_path"]))
    # With whatever classes are settings of the data in their turn.
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--data", type=CLASSES["data"])
    try:
        built = parser.instantiate_classes(parser.parse_object({"data": data.as_dict()}))
    except ValueError as error:
        raise UsageError(f"data: {error}") from None
    check_lengths(flag, built["data"], test_lengths)
