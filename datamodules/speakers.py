"""Who speaks in a play: the cues that let a model speak as one of them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

MOST = 50
# What starts fewer lines is more likely a title or a shout.
LEAST_USES = 3

# From a line's start to a point or a colon: "HAMLET.", "MRS. PAGE. What", "KING RICHARD II:".
_CUE = re.compile(
    r"^[ \t]*((?:MRS?\. |DR\. |ST\. )?[^\W\d_][\w'’ -]{1,30}?)([.:])(?=\s|\Z)", re.MULTILINE
)
# Upper case that no one speaks under, in the languages of the corpora and their neighbours.
_FIRST_WORDS = re.compile(
    r"(ACT|SCENE|PART|BOOK|VOLUME|CHAPTER|CANTO|LETTER|ACTE|SCÈNE|PARTIE|LIVRE|TOME|CHAPITRE|ATO"
    r"|CENA|PARTE|LIVRO|CAPÍTULO|ACTO|ESCENA|LIBRO|CAPITOLO|AKT|SZENE|AUFTRITT|TEIL|KAPITEL)\b"
)
_HEADINGS = re.compile(r"(THE )?END|FINIS|FIN|FIM|ENDE|EXIT|EXEUNT|CONTENTS|NOTES?|FOOTNOTES?")
_ROMAN = re.compile(r"M*(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")


def find_speakers(text: str) -> list[str]:
    """The names that a text uses most as cues, each as the text itself ends it.

    A cue is in upper case at a line's start, alone or in front of the speech, and ends in a point
    or a colon. Headings and Roman numbers are no names.

    Args:
        text: lines ending in a line feed.

    Returns:
        at most 50 cues, those used most first, each used at least 3 times; none where no one
        speaks. No cue ends in a space, or starts with one.
    """
    endings: dict[str, Counter[str]] = defaultdict(Counter)
    for name, end in _CUE.findall(text):
        if name.isupper() and not _is_heading(name):
            endings[name][end] += 1
    uses = {name: ends.total() for name, ends in endings.items() if ends.total() >= LEAST_USES}
    most = sorted(uses, key=lambda name: (-uses[name], name))[:MOST]
    return [name + endings[name].most_common(1)[0][0] for name in most]


def find_after_cue(text: str, cues: list[str]) -> str | None:
    """What mostly stands between a cue and its speech: a line break or a space.

    Args:
        text: lines ending in a line feed.
        cues: as `find_speakers` returns them.

    Returns:
        None where no cue stands in front of anything.
    """
    if not cues:
        return None
    any_cue = "|".join(map(re.escape, cues))
    between = re.findall(rf"^[ \t]*(?:{any_cue})([ \t]*\n|[ \t]+)", text, re.MULTILINE)
    broken = sum(blank.endswith("\n") for blank in between)
    if not between:
        return None
    return "\n" if 2 * broken >= len(between) else " "


def _is_heading(name: str) -> bool:
    whole = _HEADINGS.fullmatch(name) or _ROMAN.fullmatch(name)
    return bool(whole or _FIRST_WORDS.match(name))
