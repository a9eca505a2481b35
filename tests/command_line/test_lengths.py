"""test --lengths: the numbers of `test` at one length after the other, as a table and a picture."""

from __future__ import annotations

import csv
import re
import shutil

import pytest
from PIL import Image

from command_line.lengths_file import AtLength, read_lengths, write_lengths

LENGTHS = (2, 4, 9, 30)
TWO = ["--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp_fork"]


def rows_of(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_they_are_the_numbers_of_test_at_each_length(train, finished):
    before = contents(finished)
    outcome = train("test", f"--ckpt_path={finished}", "--lengths=30,2:4:2,9")
    assert outcome.code == 0, outcome.err
    first, heading, *lines, table, picture = outcome.out.splitlines()
    assert re.fullmatch(rf"RRN of step \d+, from {finished}/checkpoints/best.ckpt", first)
    assert "accuracy" in heading and "(*: trained at 4)" in heading
    assert (table, picture) == (f"{finished}/lengths.csv", f"{finished}/lengths.png")
    rows = rows_of(finished / "lengths.csv")
    assert list(rows[0]) == ["trained_length", "test_length", "loss", "accuracy", "guessing"]
    for length, row, line in zip(LENGTHS, rows, lines, strict=True):
        one = train("test", f"--ckpt_path={finished}", f"--data.length={length}").out
        accuracy, loss = re.match(r"accuracy/test (\S+), loss/test (\S+): RRN", one).groups()
        assert (row["trained_length"], row["test_length"]) == ("4", str(length))
        assert f"{float(row['accuracy']):.4g}" == accuracy
        assert f"{float(row['loss']):.4g}" == loss and row["guessing"] == "0.1"
        words = line.split()
        assert words[0] == "*" if length == 4 else words[0] == str(length)
        assert words[-2] == loss and float(words[-1]) == pytest.approx(float(accuracy), abs=1e-4)
    with Image.open(finished / "lengths.png") as image:
        assert image.format == "PNG" and image.width >= 1000
    # All that the run had is still there.
    assert before.items() <= contents(finished).items()
    new = {"lengths.csv", "lengths.png"}
    assert {path.name for path in contents(finished).keys() - before.keys()} == new


def test_two_devices_measure_the_same(train_in_process, finished, tmp_path):
    """Each has its share of the examples, 47 of which are no whole number of shares."""
    flags = [f"--ckpt_path={finished}", "--lengths=4,9", "--data.evaluation_size=47"]
    for name, more in (("one", []), ("two", TWO)):
        run = train_in_process("test", *flags, f"--output={name}.csv", *more)
        assert run.code == 0, run.err
    one, two = (rows_of(tmp_path / f"{name}.csv") for name in ("one", "two"))
    for each, other in zip(one, two, strict=True):
        assert each["accuracy"] == other["accuracy"]
        assert float(each["loss"]) == pytest.approx(float(other["loss"]), rel=1e-5)


def test_a_later_measurement_takes_the_place_of_an_earlier_one(train, finished):
    for lengths in ("4,5", "6"):
        assert train("test", f"--ckpt_path={finished}", f"--lengths={lengths}").code == 0
    assert [row["test_length"] for row in rows_of(finished / "lengths.csv")] == ["6"]


def test_the_lengths_do_not_name_the_run(train, finished):
    """`--ckpt_path best` is that of the run which the other flags describe."""
    shutil.copytree(finished, finished.with_name("default"))
    flags = [f"--config={finished}/config.yaml", "--ckpt_path=best", "--run.name=null"]
    outcome = train("test", *flags, "--lengths=5")
    assert outcome.code == 0, outcome.err
    assert (finished.with_name("default") / "lengths.csv").is_file()


def test_a_checkpoint_elsewhere_needs_a_place_for_the_table(train, finished, tmp_path):
    shutil.copy(finished / "checkpoints/last.ckpt", tmp_path / "mine.ckpt")
    outcome = train("test", "--ckpt_path=mine.ckpt", "--lengths=5", "--output=mine.csv")
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[-2:] == ["mine.csv", "mine.png"]
    assert len(rows_of(tmp_path / "mine.csv")) == 1 and (tmp_path / "mine.png").is_file()
    assert not (finished / "lengths.csv").exists()


def test_what_was_written_is_read_again_and_anything_else_is_nothing(tmp_path):
    file = tmp_path / "lengths.csv"
    assert read_lengths(file) == []
    write_lengths(file, [AtLength(4, 9, 1 / 3, 0.5, 0.1), AtLength(4, 99, float("nan"), 0.1, 0.1)])
    first, second = read_lengths(file)
    assert float(first["loss"]) == 1 / 3 and second["loss"] == ""
    assert second["test_length"] == "99"
    whole = file.read_bytes()
    cut_off = [whole[:-length] for length in (1, 4, 9)]
    for content in (b"", b"a,b\n1,2\n", b"\xff\xfe", *cut_off, whole.replace(b"0.5", b"0.x")):
        file.write_bytes(content)
        assert read_lengths(file) == []
