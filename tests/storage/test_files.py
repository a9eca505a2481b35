"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from storage.files import written_whole


@pytest.mark.parametrize("mode, content", [("w", "ß, whatever the locale\n"), ("wb", b"\x00\xff")])
def test_writes_text_and_bytes(tmp_path, mode, content):
    path = tmp_path / "new" / "folder" / "file"
    with written_whole(path, mode) as file:
        file.write(content)
    expected = content if mode == "wb" else content.encode("utf-8")
    assert path.read_bytes() == expected
    assert os.listdir(path.parent) == ["file"]


def test_a_crash_in_the_middle_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), written_whole(path) as file:
        file.write("half of the n")
        file.flush()
        raise RuntimeError("out of luck")
    assert path.read_text() == "old"
    # The disk has its room back.
    assert os.listdir(tmp_path) == ["file"]

    with written_whole(path) as file:
        file.write("new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


def test_a_crash_in_the_middle_leaves_nothing_where_nothing_was(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(RuntimeError), written_whole(path, "wb") as file:
        file.write(b"half")
        raise RuntimeError("out of luck")
    assert not path.exists()


def test_all_is_on_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    """Otherwise a power cut right after would leave an empty file."""
    path = tmp_path / "file"
    path.write_text("old")
    happened = []

    def fsync(descriptor):
        happened.append(("on disk", os.fstat(descriptor).st_size, path.read_text()))

    def replace(source, target):
        happened.append(("in place", source.read_text(), Path(target).name))

    monkeypatch.setattr("os.fsync", fsync)
    monkeypatch.setattr("pathlib.Path.replace", replace)
    with written_whole(path) as file:
        file.write("new" * 1000)
    assert happened == [("on disk", 3000, "old"), ("in place", "new" * 1000, "file")]


def test_who_reads_meanwhile_never_sees_half_a_file(tmp_path):
    path = tmp_path / "file"
    contents = [letter * 200_000 for letter in "abcdefgh"]
    path.write_text(contents[0])
    seen, done = set(), threading.Event()

    def read():
        while not done.is_set():
            text = path.read_text()
            seen.add((len(text), "".join(sorted(set(text)))))

    reader = threading.Thread(target=read)
    reader.start()
    for content in contents * 5:
        with written_whole(path) as file:
            for start in range(0, len(content), 20_000):
                file.write(content[start : start + 20_000])
    done.set()
    reader.join()
    assert len(seen) > 1
    assert seen <= {(200_000, letter) for letter in "abcdefgh"}
