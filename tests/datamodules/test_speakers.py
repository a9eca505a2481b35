"""Who speaks: names as plays print them, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datamodules.speakers import find_after_cue, find_speakers

ON_THEIR_OWN_LINES = """
HAMLET.
To be, or not to be, that is the question:

OPHELIA.
Good my lord,
How does your honour for this many a day?

HAMLET.
I humbly thank you; well, well, well.

"""
IN_FRONT = "  FIRST CITIZEN. Speak, speak.\n  LADY CAPULET. What noise is this?\n"
WITH_COLONS = "KING RICHARD II:\nWe were not born to sue.\n\nROMEO:\nAh, Juliet.\n\nROMEO:\nO!\n\n"


def test_cues_as_the_text_ends_them_most_used_first():
    assert find_speakers(ON_THEIR_OWN_LINES * 3) == ["HAMLET.", "OPHELIA."]
    assert find_speakers(IN_FRONT * 3) == ["FIRST CITIZEN.", "LADY CAPULET."]
    assert find_speakers(WITH_COLONS * 3) == ["ROMEO:", "KING RICHARD II:"]
    together = ON_THEIR_OWN_LINES * 3 + WITH_COLONS * 4
    assert find_speakers(together) == ["ROMEO:", "HAMLET.", "KING RICHARD II:", "OPHELIA."]


def test_a_name_ends_as_it_mostly_does():
    assert find_speakers("DUKE: Ay.\n" * 3 + "DUKE. No.\n" * 2) == ["DUKE:"]
    assert find_speakers("DUKE: Ay.\n" * 2 + "DUKE. No.\n" * 3) == ["DUKE."]


@pytest.mark.parametrize(
    "name",
    ["MRS. PAGE", "IAIÁ", "D’ARTAGNAN", "JEAN-LUC", "CITIZEN 2", "ÉSAÚ", "ФАУСТ", "DUKE OF YORK"],
)
def test_names_of_many_kinds(name):
    assert find_speakers(f"{name}: Here.\n" * 3) == [f"{name}:"]


@pytest.mark.parametrize(
    "line",
    [
        "ACT II.",
        "SCENE: A street.",
        "SCENE II. The same.",
        "CHAPTER ONE.",
        "CAPÍTULO X.",
        "XIV.",
        "II. Of fear.",
        "THE END.",
        "FIM.",
        "EXEUNT.",
        "A.",
        "I. am here.",
        "M. Danglars bowed.",
        "HAMLET",
        "HAMLET, Prince of Denmark.",
        "Hamlet. Well.",
        "Example:",
        "He said HAMLET. Then he went.",
        "3.",
        "...",
        "A NAME SO LONG THAT NO ACTOR WOULD EVER WANT TO BEAR IT.",
        "UTF-8.5 and ISO.8859",
    ],
)
def test_no_names(line):
    assert find_speakers(f"{line}\n" * 5) == []


def test_too_seldom_and_too_many():
    assert find_speakers("HAMLET. Ay.\n" * 2) == []
    assert find_speakers("") == []
    names = [f"LORD {chr(ord('A') + k // 26)}{chr(ord('A') + k % 26)}" for k in range(60)]
    text = "".join(f"{name}. Ay.\n" * (63 - k) for k, name in enumerate(names))
    assert find_speakers(text) == [f"{name}." for name in names[:50]]


def test_equally_used_names_in_the_order_of_the_alphabet():
    assert find_speakers("YORK. Ay.\nANNE. No.\n" * 3) == ["ANNE.", "YORK."]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (ON_THEIR_OWN_LINES * 3, "\n"),
        (IN_FRONT * 3, " "),
        (WITH_COLONS * 3, "\n"),
        ("DUKE. Ay.\n" * 3 + "DUKE.  \nNo.\n" * 2, " "),
        ("DUKE. Ay.\n" * 2 + "DUKE.  \nNo.\n" * 3, "\n"),
        ("Nobody speaks.\n" * 5, None),
    ],
)
def test_what_follows_a_cue(text, after):
    assert find_after_cue(text, find_speakers(text)) == after


def test_cues_that_nothing_follows():
    assert find_after_cue("the duke", ["DUKE."]) is None


@pytest.mark.skipif(not os.environ.get("DATA_ROOT"), reason="the real texts are at DATA_ROOT")
def test_real_texts():
    def speakers(name):
        return find_speakers(
            Path(os.environ["DATA_ROOT"], "text", f"{name}.txt").read_text("utf-8")
        )

    shakespeare = speakers("shakespeare")
    assert len(shakespeare) == 50 and {"HAMLET.", "KING HENRY.", "IAGO."} < set(shakespeare)
    assert speakers("tiny_shakespeare")[:3] == ["GLOUCESTER:", "DUKE VINCENTIO:", "ROMEO:"]
    assert speakers("monte_cristo") == speakers("machado_de_assis") == []
