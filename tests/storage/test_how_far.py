"""How far a run has come is read as it was noted, or not at all."""

from __future__ import annotations

import pytest

from storage.how_far import HowFar, note, read


def test_what_was_noted_last(tmp_path):
    file = tmp_path / "how_far"
    assert read(file) is None
    for each in (HowFar(1000, 2000, 0.5), HowFar(3, -1, 1.0)):
        note(file, each)
        assert read(file) == each


@pytest.mark.parametrize("content", [b"", b"1 2", b"1 2 x\n", b"1 2 3 4\n", b"\xff\xfe 1 2"])
def test_what_is_broken_tells_nothing(content, tmp_path):
    file = tmp_path / "how_far"
    file.write_bytes(content)
    assert read(file) is None


def test_a_place_that_cannot_be_written_stops_nothing(tmp_path):
    note(tmp_path / "gone" / "how_far", HowFar(1, 2, 0.5))
    note(tmp_path, HowFar(1, 2, 0.5))
