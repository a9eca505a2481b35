"""A run up to its first step: built as it would be, in no folder, and without any download."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from command_line.arguments import take_apart
from command_line.cli import TrainingCLI
from command_line.errors import UsageError
from command_line.lengths import check_lengths
from datamodules.downloads import nothing_downloaded

# Without a name, one would be made of the settings.
NAMED = "--run.name=rehearsal"


class _Parsed(Exception):
    """The parser is there; in place of a run."""


class Rehearsal(TrainingCLI):
    """One parser for many commands, which takes a fifth of a second to build.

    Args:
        config: file of the base config of all of them.
        flags: of the first one, on top of it.

    Raises:
        UsageError: the first one cannot be understood.
    """

    def __init__(self, config: Path, flags: Sequence[str]) -> None:
        self.base = f"--config={config}"
        with suppress(_Parsed):
            super().__init__(take_apart(["fit", self.base, *flags, NAMED]))

    def before_instantiate_classes(self) -> None:
        raise _Parsed

    def _set_seed(self) -> None:
        """Seeds of a grid are known to be right, and nothing random is kept here."""

    def _take_folder(self) -> None:
        """Nothing is written."""

    def understand(self, flags: Sequence[str]) -> None:
        """Parse the flags of a run.

        Raises:
            UsageError: they cannot be understood.
        """
        self.arguments = take_apart(["fit", self.base, *flags, NAMED])
        self.parse_arguments(self.parser, None)

    def build(self, test_lengths: Sequence[int] = ()) -> None:
        """Build what was understood last, and draw a first batch.

        Args:
            test_lengths: that the data must be had at.

        Raises:
            UsageError: it cannot be built.
        """
        # Lightning dumps a config but once.
        vars(self).pop("config_dump", None)
        with nothing_downloaded() as missing:
            try:
                super().before_instantiate_classes()
                self.instantiate_classes()
                self.after_instantiate_classes()
            except UsageError:
                if not missing:
                    raise
                return
        if test_lengths:
            check_lengths("--test_lengths", self.datamodule, test_lengths)
