"""The flags of commands that need no LightningCLI: argparse, with one line a mistake."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeVar

from command_line.arguments import joined
from command_line.errors import UsageError
from command_line.messages import unknown_flag

T = TypeVar("T")
# More than any machine has would only fail later, and with many lines.
MOST_THREADS = 1024
ESCAPES = {r"\n": "\n", r"\t": "\t", r"\\": "\\"}


class FlagParser(argparse.ArgumentParser):
    """A parser that raises UsageError, with the nearest right flag, where argparse would exit.

    Args:
        others: gives flags that are understood elsewhere, without dashes, to name the one meant.
        settings: of argparse.
    """

    def __init__(self, others: Callable[[], Iterable[str]] = tuple, **settings: Any) -> None:
        self.others = others
        super().__init__(
            allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings
        )

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """Understand what was typed, all of it.

        Raises:
            UsageError: an unknown flag, a word too many, or a value that its flag cannot take.
        """
        known = [flag for action in self._actions for flag in action.option_strings]
        short = [flag for flag in known if not flag.startswith("--")]
        switches = [
            flag for each in self._actions if each.nargs == 0 for flag in each.option_strings
        ]
        flags, rest = self.parse_known_args(joined(argv, short, switches))
        for name, value in vars(flags).items():
            if value == [] != self.get_default(name):
                # What argparse makes of a value that is -- alone.
                raise UsageError(f"--{name} needs a value")
        if not rest:
            return flags
        word = rest[0].partition("=")[0]
        if not word.startswith("-"):
            raise UsageError(f"unexpected {word}: {self.prog} takes flags only")
        # Of an abbreviation the nearest flag may be another one than the one that it abbreviates.
        abbreviated = [flag for flag in known if flag.startswith(word)]
        meant = abbreviated or [*known, *self.others()]
        raise UsageError(unknown_flag(word, [flag.lstrip("-") for flag in meant]))

    def error(self, message: str) -> NoReturn:
        """Tell in one line what argparse found wrong."""
        message = message.removeprefix("argument ")
        raise UsageError(re.sub(r"^(-\S+): expected one argument$", r"\1 needs a value", message))


def number_of(kind: Callable[[str], T], words: str) -> Callable[[str], T]:
    """A type for argparse: `kind` of what was typed; an error says that it must be `words`."""

    def convert(typed: str) -> T:
        try:
            return kind(typed)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {words}, got {typed}") from None

    return convert


def one_of(*choices: str) -> Callable[[str], str]:
    """A type for argparse: one of a few words."""

    def convert(typed: str) -> str:
        if typed not in choices:
            raise argparse.ArgumentTypeError(f"must be one of {', '.join(choices)}, got {typed}")
        return typed

    return convert


def list_of(kind: Callable[[str], T]) -> Callable[[str], list[T]]:
    """A type for argparse: what commas separate, each converted by `kind`."""

    def convert(typed: str) -> list[T]:
        items = [item.strip() for item in typed.split(",")]
        if not all(items):
            raise argparse.ArgumentTypeError(f"must be a list such as A,B, got '{typed}'")
        return [kind(item) for item in items]

    return convert


def thread_count(typed: str) -> int | None:
    """CPU threads, from 1; null are as many as there are cores."""
    if typed == "null":
        return None
    count = whole_number(typed)
    if not 1 <= count <= MOST_THREADS:
        bound = "at least 1" if count < 1 else f"at most {MOST_THREADS}"
        raise argparse.ArgumentTypeError(f"must be {bound}, got {count}")
    return count


def unescaped(typed: str) -> str:
    r"""What a shell makes hard to type: \n is a line break, \t a tab, \\ a backslash."""
    return re.sub(r"\\[nt\\]", lambda escape: ESCAPES[escape[0]], typed)


whole_number = number_of(int, "a whole number")
number = number_of(float, "a number")
