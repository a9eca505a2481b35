"""Names and texts of any origin: what may be in them, and how a terminal is shown the rest.

A terminal obeys some characters instead of showing them: it can be told to hide, to move or to
write over what stands there, and to turn around the order of letters.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

from command_line.errors import UsageError

# Control and format characters, halves of characters, and what breaks lines and paragraphs.
OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
# Some of these join letters or part them, which many scripts need.
JOINING = "\u00ad\u200c\u200d"


def is_obeyed(character: str) -> bool:
    """Whether a terminal does something else with a character than to show it."""
    return unicodedata.category(character) in OBEYED and character not in JOINING


def visible(text: str) -> str:
    """A text with line breaks and tabs as they are, and what a terminal would obey spelt out."""
    if text.isprintable():
        return text
    return "".join(
        each.encode("unicode_escape").decode() if is_obeyed(each) and each not in "\n\t" else each
        for each in text
    )


def check_shown(key: str, text: str) -> None:
    """Make sure that a text, such as the path of a new folder, can be shown.

    Args:
        key: to name it.

    Raises:
        UsageError: it has characters that a terminal obeys.
    """
    if any(map(is_obeyed, text)):
        raise UsageError(f"{key} must have no control characters, got {text!r}")


def check_folder_name(key: str, name: str) -> None:
    """Make sure that something is the name of a folder.

    Raises:
        UsageError: it is empty, a path, or has characters that a terminal obeys.
    """
    check_shown(key, name)
    if not name.strip():
        raise UsageError(f"{key} must be the name of a folder, got {name!r}")
    if Path(name).name != name or name == "..":
        raise UsageError(f"{key} must be the name of a folder, not a path, got {name!r}")
