"""A play: who speaks, and where a line ends."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generation import Cast, play
from generation.play import draw_speakers
from generation.writer import LARGEST_SEED

CUES = ("a.", "b.", "c.")


def said(writer, cast=None, lines=2, **settings) -> list[tuple[str, str]]:
    return list(play(writer, cast or Cast(CUES), lines, **settings))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("abc\nde", "abc"),
        ("\nabc\nde", "abc"),
        ("\n \n  ab c \n", "ab c"),
        ("abcde ", "abcde abcde"),
        ("é🎭\n", "é🎭"),
        ("\n", ""),
        (" ", ""),
    ],
)
def test_the_first_line_that_is_not_blank(recite, text, line):
    assert {each for _, each in said(recite(text), length=11)} == {line}


def test_a_line_is_no_longer_than_it_may_be(recite):
    assert {line for _, line in said(recite("abcde"), length=7)} == {"abcdeab"}


def test_each_speaker_goes_on_from_its_own_cue(recite):
    writer = recite("e\n", marks={"a. ": "aa\n", "b. ": "bbb\n", "c. ": "\nc\n"})
    lines = said(writer, lines=30)
    assert set(lines) == {("a.", "aa"), ("b.", "bbb"), ("c.", "c")}


def test_all_lines_are_one_batch_drawn_no_longer_than_needed(recite):
    writer = recite("e\n", marks={"a. ": "aa\n", "b. ": "bbb\n"})
    assert dict(said(writer, lines=9)) == {"a.": "aa", "b.": "bbb", "c.": "e"}
    steps = [shape for name, shape, _ in writer.network.calls if name == "step"]
    assert steps == [(9,)] * 3


def test_each_cue_is_read_once(recite):
    writer = recite("e\n")
    said(writer, lines=30)
    assert [name for name, *_ in writer.network.calls].count("forward") == 3


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 6), st.integers(1, 40), st.integers(0, LARGEST_SEED))
def test_nobody_speaks_twice_in_a_row_if_there_are_several(count, lines, seed):
    cues = [f"{number}." for number in range(count)]
    speakers = draw_speakers(cues, lines, seed)
    assert len(speakers) == lines and set(speakers) <= set(cues)
    repeats = sum(one == other for one, other in pairwise(speakers))
    assert repeats == (lines - 1 if count == 1 else 0)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_who_spoke_before_the_last_one_is_as_likely_as_any_other(count):
    """Whoever spoke last two, the next one is any but the last; of two speakers it is the other."""
    cues = [f"{number}." for number in range(count)]
    speakers = draw_speakers(cues, 12_000, seed=0)
    found = Counter(zip(speakers, speakers[1:], speakers[2:], strict=False))
    possible = {(a, b, c) for a in cues for b in cues for c in cues if a != b != c}
    assert found.keys() == possible
    expected = 12_000 / len(possible)
    assert all(abs(each - expected) < 5 * expected**0.5 for each in found.values())


@pytest.mark.parametrize("cues", [("a.",), ("a.", "b."), CUES])
def test_a_play_has_the_speakers_that_were_drawn(recite, cues):
    lines = said(recite("e\n"), Cast(cues), lines=20, seed=7)
    assert [cue for cue, _ in lines] == draw_speakers(cues, 20, 7)


def test_the_seed_decides_and_nothing_else(writer):
    random.seed(0)
    states = random.getstate(), torch.get_rng_state()
    lines = said(writer, lines=12, seed=5, temperature=1.0)
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])
    random.seed(1)
    assert said(writer, lines=12, seed=5, temperature=1.0) == lines
    assert said(writer, lines=12, seed=6, temperature=1.0) != lines


def test_temperature_reaches_the_drawing(writer):
    cold = said(writer, lines=6, seed=2, temperature=0)
    assert said(writer, lines=6, seed=2, temperature=1e-4) == cold
    assert said(writer, lines=6, seed=2, temperature=5.0) != cold


@pytest.mark.parametrize(
    ("cue", "after", "opening"),
    [
        ("HAMLET.", None, "HAMLET. "),
        ("ROMEO:", None, "ROMEO:\n"),
        ("HAMLET.", "\n", "HAMLET.\n"),
        ("ROMEO:", " ", "ROMEO: "),
        ("ROMEO:", "", "ROMEO:"),
    ],
)
def test_opening(cue, after, opening):
    assert Cast((cue,), after).opening(cue) == opening


@pytest.mark.parametrize(
    ("cues", "name", "cue"),
    [
        (["HAMLET."], "HAMLET", "HAMLET."),
        (["HAMLET."], "hamlet", "HAMLET."),
        (["HAMLET."], "HAMLET:", "HAMLET:"),
        (["HAMLET.", "OPHELIA."], "LEAR", "LEAR."),
        (["ROMEO:", "JULIET:", "NURSE."], "LEAR", "LEAR:"),
        (["ROMEO:", "JULIET:", "NURSE."], "NURSE", "NURSE."),
        (["First Citizen:"], "First Citizen", "First Citizen:"),
        (["CÆSAR —"], "BRUTUS", "BRUTUS —"),
        (["HAMLET.", "HAMLET:"], "HAMLET", "HAMLET."),
        (["JOSE\u0301."], "JOSE\u0301", "JOSE\u0301."),
        (["ROMEO:"], "JOSE\u0301", "JOSE\u0301:"),
        ([], "LEAR", "LEAR."),
    ],
)
def test_cue_of(cues, name, cue):
    assert Cast(cues).cue_of(name) == cue


def test_characters_that_the_vocabulary_lacks(recite):
    with pytest.raises(ValueError, match=r"^speaker aé1\.: the vocabulary has no '1' \(U\+0031\)$"):
        play(recite("a"), Cast(("a.", "aé1.")), 1)
    with pytest.raises(ValueError, match=r"^speaker a\.: the vocabulary has no '\\t' \(U\+0009\)$"):
        play(recite("a"), Cast(("a.",), "\t"), 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lines": 0}, "lines must be at least 1, got 0"),
        ({"cast": Cast()}, "there must be at least 1 speaker"),
        ({"length": 0}, "length must be at least 1, got 0"),
        ({"temperature": -1}, "temperature must be a number from 0 upwards, got -1"),
        ({"seed": -1}, "seed must be from 0 to 4294967295, got -1"),
    ],
)
def test_out_of_range(recite, settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        play(**{"writer": recite("a"), "cast": Cast(CUES), "lines": 1, **settings})
