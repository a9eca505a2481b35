"""Pictures that are not drawn any more go, and nothing else does."""

from __future__ import annotations

import os

import pytest

from comparison import plots
from comparison.pictures import replace_pictures
from comparison.results import collect


def names(folder) -> set[str]:
    return {file.name for file in folder.iterdir() if not file.name.startswith(".")}


def test_what_was_drawn_before_goes_and_what_is_not_ours_stays(tmp_path):
    (tmp_path / "mine.png").write_bytes(b"mine")
    files = replace_pictures(tmp_path, {"a.png": b"1", "b.png": b"2"})
    assert files == [tmp_path / "a.png", tmp_path / "b.png"]
    replace_pictures(tmp_path, {"b.png": b"3"})
    assert names(tmp_path) == {"mine.png", "b.png"}
    assert (tmp_path / "b.png").read_bytes() == b"3"
    replace_pictures(tmp_path, {})
    assert names(tmp_path) == {"mine.png"}


def test_without_its_list_it_takes_nothing_for_its_own(tmp_path):
    replace_pictures(tmp_path, {"a.png": b"1"})
    (tmp_path / ".drawn").unlink()
    replace_pictures(tmp_path, {"b.png": b"2"})
    assert names(tmp_path) == {"a.png", "b.png"}


@pytest.mark.parametrize("content", [b"../elsewhere.png\n", b"/\n..\n.\n\n", b"\xff\xfe"])
def test_a_list_that_somebody_has_changed_does_no_harm(content, tmp_path):
    (tmp_path / "elsewhere.png").touch()
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / ".drawn").write_bytes(content)
    replace_pictures(folder, {"a.png": b"1"})
    assert (tmp_path / "elsewhere.png").exists() and names(folder) == {"a.png"}


def test_killed_on_the_way_every_picture_is_known_for_the_next_time(tmp_path, monkeypatch):
    replace_pictures(tmp_path, {"a.png": b"1"})
    sync = os.fsync

    def die_at_the_third_file(descriptor):
        left.pop()
        sync(descriptor)

    # The list and two pictures are written, and then no more.
    left = [1, 1, 1]
    monkeypatch.setattr(os, "fsync", die_at_the_third_file)
    with pytest.raises(IndexError):
        replace_pictures(tmp_path, {"b.png": b"2", "c.png": b"3", "d.png": b"4"})
    monkeypatch.undo()
    assert {"a.png", "b.png", "c.png"} <= names(tmp_path)
    replace_pictures(tmp_path, {"d.png": b"4"})
    assert not {"a.png", "b.png", "c.png"} & names(tmp_path)


def test_a_smaller_grid_leaves_no_picture_of_the_larger_one(folder, finish, fail):
    runs = [finish(model, 0, {"data.length": n}) for model in ("RNN", "GRU") for n in "56"]
    collect(folder, runs)
    larger = {file.name for file in plots.draw_all(folder)}
    assert "accuracy_against_length.svg" in larger
    collect(folder, runs[:1])
    smaller = {file.name for file in plots.draw_all(folder)}
    assert "accuracy_against_length.svg" not in smaller
    pictures = {name for name in names(folder / "figures") if "tfevents" not in name}
    assert pictures == smaller
    # Of runs that have all failed there is nothing to see.
    collect(folder, [fail("LSTM", "broken")])
    assert plots.draw_all(folder) == []
    assert {name for name in names(folder / "figures") if "tfevents" not in name} == set()
