"""A play: who speaks, and where a line ends."""

from __future__ import annotations

import random

import pytest
import torch

from generation import Cast, play
from generation.play import draw_speakers

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


@pytest.mark.parametrize("lines", [1, 2, 50])
def test_nobody_speaks_twice_in_a_row(lines):
    for seed in range(5):
        speakers = draw_speakers(CUES, lines, seed)
        assert len(speakers) == lines
        assert all(one != other for one, other in zip(speakers, speakers[1:], strict=False))
    assert set(draw_speakers(CUES, 50, 0)) == set(CUES)


def test_a_monologue():
    assert draw_speakers(["a."], 3, 0) == ["a."] * 3


def test_speakers_are_drawn_evenly():
    speakers = draw_speakers([*CUES, "d."], 8000, 0)
    assert all(abs(speakers.count(cue) - 2000) < 150 for cue in [*CUES, "d."])


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
