"""What was typed, put into the order that the parser needs. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from command_line.errors import UsageError, did_you_mean

# What the Trainer does, what is done with a trained network alone, and what has many runs.
SUBCOMMANDS = ("fit", "validate", "test", "predict")
WRITING = ("generate", "play")
COMPARING = ("compare",)
# What is done with finished runs.
PLOTTING = ("plot",)
DEFAULT_CONFIG = Path(__file__).resolve().parent.parent / "configs" / "palindromes.yaml"
# Each chooses a class, whose settings are flags of their own.
CLASS_FLAGS = ("--model", "--data", "--optimizer", "--lr_scheduler")
SHORT_FLAGS = ("-c", "-h")
# Flags that only some of the subcommands have.
OF_SUBCOMMAND = {"test": ("lengths", "output"), "predict": ("output",)}
# Names of checkpoints of the run that the other flags describe; anything else is a path.
CHECKPOINT_NAMES = ("last", "best")


@dataclass
class Arguments:
    """A command, taken apart.

    Attributes:
        subcommand: fit, validate, test or predict.
        configs: config files, in the order in which they were given.
        checkpoint: of --ckpt_path: `last`, `best`, or a path; None without.
        flags: all the rest, as typed.
    """

    subcommand: str
    configs: list[str] = field(default_factory=list)
    checkpoint: str | None = None
    flags: list[str] = field(default_factory=list)

    @property
    def checkpoint_path(self) -> Path | None:
        """The path of --ckpt_path, if it is one."""
        if self.checkpoint is None or self.checkpoint in CHECKPOINT_NAMES:
            return None
        return Path(self.checkpoint)


def joined(
    argv: Sequence[str], short: Collection[str], switches: Collection[str] = ()
) -> list[str]:
    """Join a flag with a value that begins with a dash, which argparse would take for a flag.

    Args:
        argv: what was typed, such as ['--run.name', '-x'].
        short: flags of one dash, which are no values.
        switches: flags that take no value.

    Returns:
        Such as ['--run.name=-x']. What begins with two dashes is a flag, and needs an = to be a
        value.
    """
    words: list[str] = []
    for word in argv:
        flag = words[-1] if words else ""
        dashed = re.match("-[^-]", word) and word.partition("=")[0] not in short
        if dashed and flag.startswith("--") and "=" not in flag and flag not in switches:
            words[-1] = f"{flag}={word}"
        else:
            words.append(word)
    return words


def check_text(argv: list[str]) -> None:
    """Make sure that what was typed is text, as what it sets is kept in files of text.

    Raises:
        UsageError: there are bytes that are none in the encoding of the locale.
    """
    for each in argv:
        # Python reads such bytes as halves of pairs.
        text = each.encode("utf-8", "replace").decode()
        if text != each:
            raise UsageError(
                f"{text} is not text in the encoding of this locale: set LC_ALL=C.UTF-8, or "
                f"PYTHONUTF8=1"
            )


def take_apart(argv: list[str]) -> Arguments:
    """Sort what was typed; `fit` is understood where no subcommand is named.

    Configs come first whatever the order typed, or else a config would silently undo the flags
    in front of it; then the flags that choose classes, which the settings of these are checked by.

    Raises:
        UsageError: an unknown subcommand, or a flag without its value.
    """
    subcommand, rest = "fit", list(argv)
    if rest and not rest[0].startswith("-"):
        subcommand = rest.pop(0)
    if subcommand not in SUBCOMMANDS:
        known = SUBCOMMANDS + WRITING + COMPARING + PLOTTING
        raise UsageError(
            f"unknown subcommand {subcommand}{did_you_mean(subcommand, known)}; "
            f"there are {', '.join(known)}"
        )
    arguments = Arguments(subcommand)
    classes: list[str] = []
    rest = joined(rest, SHORT_FLAGS)
    while rest:
        flag, separator, value = rest.pop(0).partition("=")
        if flag in CLASS_FLAGS and (separator or (rest and not rest[0].startswith("-"))):
            classes.append(f"{flag}={value if separator else rest.pop(0)}")
            continue
        if flag not in ("-c", "--config", "--ckpt_path"):
            arguments.flags.append(flag + separator + value)
            continue
        if not separator:
            if not rest or rest[0].startswith("--"):
                raise UsageError(f"{flag} needs a value")
            value = rest.pop(0)
        if not value:
            raise UsageError(f"{flag} needs a value")
        if "://" in value:
            raise UsageError(f"{flag} {value}: download it first, only files are read")
        if flag == "--ckpt_path":
            arguments.checkpoint = value
        else:
            arguments.configs.append(value)
    arguments.flags[:0] = classes
    return arguments
