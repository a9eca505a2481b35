"""Values of a flag as people list them: 5,10,20 or 5:100:5 or RNN,LSTM."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from command_line.errors import UsageError

RANGE = re.compile(r"(-?\d+):(-?\d+)(?::(-?\d+))?")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,4})?")
# As YAML spells them.
TRUTHS = (("true", "yes", "on"), ("false", "no", "off"))
# Of a slip of the keyboard, such as 5:1000000000, nobody wants to wait for the last.
MOST_OF_A_RANGE = 10_000
CLOSING = {"[": "]", "{": "}", "(": ")"}


def values_of(flag: str, given: Any, are_texts: bool = False) -> tuple[str, ...]:
    """The values that a flag is to take, as typed, each once, in their order.

    Of a number in several spellings, such as 0.01 and 1e-2, the first is taken.

    Args:
        flag: to name it in messages.
        given: a text such as '5:20:5,50' or 'SGD,Adam', in which commas within brackets part
            nothing; or of a file, a list of values, or one value.
        are_texts: whether the values are texts, in which 5:20:5 is no range and 1e-2 no number.

    Raises:
        UsageError: there is none, or one is empty, or a range is.
    """
    if isinstance(given, str):
        items = _parted(given)
    else:
        items = [as_typed(item) for item in (given if isinstance(given, Sequence) else [given])]
    values: list[str] = []
    for item in items:
        values += [item] if are_texts or not RANGE.fullmatch(item) else _of_range(flag, item)
    if not values or not all(values):
        raise UsageError(f"{flag}: must be a list such as A,B, got '{_shown(given)}'")
    first: dict[object, str] = {}
    for value in values:
        first.setdefault(value if are_texts else understood(value), value)
    return tuple(first.values())


def understood(value: str) -> object:
    """A value that is no text, the same of all its spellings: of 0.01 and 1e-2, of on and true.

    What is neither a number nor a truth value is left as it is.
    """
    word = value.strip().lower()
    if NUMBER.fullmatch(word):
        return Decimal(word).normalize()
    return next((spellings for spellings in TRUTHS if word in spellings), value)


def whole_numbers(flag: str, given: Any) -> tuple[int, ...]:
    """As `values_of`, where all must be whole numbers.

    Raises:
        UsageError: one is not, or as in `values_of`.
    """
    values = values_of(flag, given)
    for value in values:
        if not re.fullmatch(r"-?\d+", value):
            raise UsageError(
                f"{flag}: must be whole numbers such as 5,10,20 or START:STOP:STEP, got {value}"
            )
    return tuple(dict.fromkeys(map(int, values)))


def ascending(flag: str, given: Any) -> tuple[int, ...]:
    """As `whole_numbers`, in ascending order.

    Raises:
        UsageError: as in `whole_numbers`.
    """
    return tuple(sorted(whole_numbers(flag, given)))


def seeds_of(flag: str, given: Any) -> tuple[int, ...]:
    """Seeds: a single number n stands for 0 to n - 1.

    Raises:
        UsageError: one is out of range, or as in `whole_numbers`.
    """
    single = given if isinstance(given, (int, str)) else ""
    if re.fullmatch(r"\d+", str(single)) and not isinstance(single, bool):
        count = int(single)
        if not 0 < count <= MOST_OF_A_RANGE:
            raise UsageError(f"{flag}: must be from 1 to {MOST_OF_A_RANGE} seeds, got {count}")
        return tuple(range(count))
    seeds = whole_numbers(flag, given)
    for seed in seeds:
        if not 0 <= seed < 2**32:
            raise UsageError(f"{flag}: must be from 0 to 4294967295, got {seed}")
    return seeds


def as_typed(value: Any) -> str:
    """A value of a YAML file as it is typed on the command line."""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)


def _parted(text: str) -> list[str]:
    """What commas part, but for those within brackets."""
    parts, awaited = [""], ""
    for place, character in enumerate(text):
        # One that is never closed is a bracket like any other character.
        if character in CLOSING and CLOSING[character] in text[place:]:
            awaited += CLOSING[character]
        elif awaited and character == awaited[-1]:
            awaited = awaited[:-1]
        if character == "," and not awaited:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _of_range(flag: str, text: str) -> list[str]:
    first, last, step = (int(part) for part in f"{text}:1".split(":")[:3])
    if step < 1 or first > last:
        raise UsageError(
            f"{flag}: the range {text} is empty; START:STOP:STEP goes upwards and includes STOP"
        )
    if (last - first) // step >= MOST_OF_A_RANGE:
        raise UsageError(f"{flag}: the range {text} has more than {MOST_OF_A_RANGE} values")
    return [str(number) for number in range(first, last + 1, step)]


def _shown(given: Any) -> str:
    return given if isinstance(given, str) else as_typed(given)
