"""Predictions as a table: where it may be written, and what it looks like."""

from __future__ import annotations

import csv
import os

import pytest
import torch

from command_line.errors import UsageError
from command_line.predictions import check_output, write_predictions
from command_line.standard_output import forgiving_streams
from command_line.unwritable import Unwritable

BATCHES = [
    (torch.tensor([2, 0, 1]), torch.tensor([0.5, 1.0, 1 / 3])),
    (torch.tensor([3]), torch.tensor([1e-7])),
]
TABLE = "node,class,probability\n0,2,0.5\n1,0,1\n2,1,0.333333\n3,3,1e-07\n"


def test_a_line_a_node(tmp_path):
    path = tmp_path / "nodes.csv"
    assert write_predictions(path, BATCHES) == 4
    assert path.read_bytes() == TABLE.encode()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["probability"]) for row in rows] == pytest.approx(
        [0.5, 1.0, 1 / 3, 1e-7], rel=1e-5
    )
    assert [path.name for path in tmp_path.iterdir()] == ["nodes.csv"]


def test_to_the_standard_output(capfd):
    write_predictions(None, BATCHES)
    assert capfd.readouterr() == (TABLE, "")


def test_of_no_node(tmp_path):
    assert write_predictions(tmp_path / "nodes.csv", []) == 0
    assert (tmp_path / "nodes.csv").read_text() == "node,class,probability\n"


def test_whole_or_not_at_all(tmp_path):
    def failing():
        yield BATCHES[0]
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        write_predictions(tmp_path / "nodes.csv", failing())
    assert not (tmp_path / "nodes.csv").exists()


def test_a_disk_that_is_full(tmp_path):
    def full():
        yield BATCHES[0]
        raise OSError(28, "No space left on device")

    path = tmp_path / "nodes.csv"
    with pytest.raises(Unwritable) as caught:
        write_predictions(path, full())
    assert str(caught.value).startswith(f"cannot write {path}: No space left on device, on the ")
    assert not path.exists()


def test_where_it_can_be_written(tmp_path, monkeypatch):
    check_output(tmp_path / "nodes.csv")
    monkeypatch.chdir(tmp_path)
    check_output(type(tmp_path)("nodes.csv"))


def test_what_is_there_is_not_overwritten(tmp_path):
    path = tmp_path / "nodes.csv"
    path.write_text("mine")
    for taken in (path, tmp_path):
        with pytest.raises(UsageError) as caught:
            check_output(taken)
        assert str(caught.value) == f"--output {taken} is there already: name another file"
    assert path.read_text() == "mine"


def test_a_link_to_nowhere_is_there_already(tmp_path):
    (tmp_path / "nodes.csv").symlink_to(tmp_path / "gone")
    with pytest.raises(UsageError, match="is there already"):
        check_output(tmp_path / "nodes.csv")


@pytest.mark.parametrize("name", ["missing/nodes.csv", "file/nodes.csv"])
def test_no_folder_to_write_to(name, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / name
    with pytest.raises(UsageError) as caught:
        check_output(path)
    assert str(caught.value) == f"--output {path}: there is no folder {path.parent}"


def test_what_can_be_no_name_of_a_file(tmp_path):
    path = tmp_path / ("x" * 300)
    # Before all is computed.
    with pytest.raises(UsageError, match="cannot be written: File name too long$"):
        check_output(path)
    # A longer one is written on the way.
    with pytest.raises(UsageError, match="cannot be written: File name too long$"):
        check_output(tmp_path / ("x" * 250))
    check_output(tmp_path / ("x" * 200))
    assert not list(tmp_path.iterdir())


def test_a_reader_that_has_had_enough(capfd, monkeypatch):
    """As `head`: the pipe is closed, which is no mistake."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        many = torch.zeros(100_000)
        with forgiving_streams():
            write_predictions(None, [(many.long(), many)])
    assert capfd.readouterr().err == ""


def test_an_output_that_is_full(monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stdout", full)
        full_disk = pytest.raises(UsageError, match="cannot be written: No space left on device")
        with forgiving_streams(), full_disk:
            write_predictions(None, BATCHES)
