"""A text that comes in pieces is cut where the whole of it would be."""

from __future__ import annotations

import itertools

import pytest

from generation.stop import Cutter, cut_each


def cut(text: str, stop: str | None) -> list[str]:
    """What is shown after each character, and at the end."""
    cutter = Cutter(stop)
    return [*map(cutter.feed, text), cutter.finish()]


def test_every_short_text_against_the_whole():
    for length in range(1, 8):
        for letters in itertools.product("ab", repeat=length):
            text = "".join(letters)
            for stop in ("a", "ab", "aab", "aba", "abab", "aabaaa"):
                assert "".join(cut(text, stop)) == text.partition(stop)[0], (text, stop)


def test_nothing_that_could_belong_to_stop_is_shown_early_and_nothing_else_is_late():
    assert cut("xabay", "abac") == ["x", "", "", "", "abay", ""]
    assert cut("ababac", "abac") == ["", "", "", "ab", "", "", ""]
    assert cut("xaba", "abac") == ["x", "", "", "", "aba"]
    assert cut("xy", "abac") == ["x", "y", ""]


def test_nothing_comes_after_the_end():
    cutter = Cutter("\n")
    assert [cutter.feed("To be"), cutter.feed("\n"), cutter.feed("or"), cutter.finish()] == [
        *["To be", "", "", ""]
    ]
    assert cutter.stopped


def test_pieces_of_several_characters():
    cutter = Cutter("END.")
    assert [cutter.feed("the E"), cutter.feed("NE"), cutter.feed("ND. more")] == ["the ", "EN", ""]
    assert cutter.stopped


@pytest.mark.parametrize("stop", ["🎭", "é\n", "e\u0301", "»“"])
def test_unicode(stop):
    text = f"a 🎬 e b{stop}c"
    assert "".join(cut(text, stop)) == "a 🎬 e b"


def test_without_stop_all_passes_at_once():
    assert cut("a\nb", None) == ["a", "\n", "b", ""]


def test_empty_stop():
    with pytest.raises(ValueError, match="^stop must have at least 1 character$"):
        Cutter("")


def rows(*texts: str):
    return map(list, zip(*texts, strict=True))


def test_each_text_ends_at_its_own_stop():
    shown = list(cut_each(rows("abcdef", "a--def", "abcd-f"), "--"))
    assert ["".join(texts) for texts in zip(*shown, strict=True)] == ["abcdef", "a", "abcd-f"]


def test_drawing_ends_with_the_last_of_them():
    source = rows("ab-def", "a-cdef")
    assert list(cut_each(source, "-")) == [["a", "a"], ["b", ""], ["", ""]]
    assert len(list(source)) == 3


def test_what_is_held_back_comes_at_the_end():
    assert list(cut_each(rows("a-", "bc"), "--")) == [["a", "b"], ["", "c"], ["-", ""]]
