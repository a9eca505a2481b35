"""Readers that go away, terminals that close and full disks end nothing but what is shown."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from command_line.program import main
from command_line.standard_output import forgiving_streams

ROOT = Path(__file__).resolve().parent.parent.parent
CANNOT = "train.py: error: the standard output cannot be written: {}\n"


def pipe_without_reader():
    read, write = os.pipe()
    os.close(read)
    return write


def terminal_that_was_closed():
    ours, theirs = os.openpty()
    os.close(ours)
    return theirs


DEAD = {
    "reader": pipe_without_reader,
    "terminal": terminal_that_was_closed,
    "disk": lambda: os.open("/dev/full", os.O_WRONLY),
}


@pytest.fixture
def dead(monkeypatch):
    """Let standard streams be ones that take nothing any more."""
    opened = []

    def die(kind, *names):
        for name in names:
            opened.append(os.fdopen(DEAD[kind](), "w"))
            monkeypatch.setattr(sys, name, opened[-1])

    yield die
    for stream in opened:
        # Nothing may be left in it.
        stream.close()


def test_an_encoding_that_lacks_a_character_shows_another(tmp_path, monkeypatch):
    with (tmp_path / "out.txt").open("w", encoding="ascii") as file:
        monkeypatch.setattr(sys, "stdout", file)
        with forgiving_streams():
            print("0.9 ± 0.1")
    assert (tmp_path / "out.txt").read_text() == "0.9 ? 0.1\n"


@pytest.mark.parametrize("kind", DEAD)
def test_a_training_goes_on(kind, dead, train, small, tmp_path, result_of, capfd, monkeypatch):
    dead(kind, "stdout", "stderr")
    assert train(*small, "--trainer.enable_progress_bar=true").code == 0
    folder = tmp_path / "runs/palindromes/RRN/small"
    assert result_of(folder)["steps"] == 60
    # What a command is given for is another matter.
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    outcome = main(["validate", f"--ckpt_path={folder}"]), sys.stderr.getvalue()
    reasons = {"terminal": "Input/output error", "disk": "No space left on device"}
    assert outcome == ((2, CANNOT.format(reasons[kind])) if kind in reasons else (0, ""))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wrong", [["unknown"], ["generate"]])
def test_a_mistake_that_nobody_hears(wrong, dead):
    dead("disk", "stdout", "stderr")
    assert main(wrong) == 2


@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        ("--help | true", 0, ""),
        ("--help >/dev/full", 2, CANNOT.format("No space left on device")),
        ("--help >&-", 2, "train.py: error: there is no standard output to write to\n"),
        # Not onto the standard output, which is what `print` takes for a missing standard error.
        ("unknown 2>&-", 2, ""),
        ("unknown <&- >&- 2>&-", 2, ""),
    ],
)
def test_to_the_end_of_the_interpreter(command, code, error):
    line = f"set -o pipefail; {sys.executable} {ROOT / 'train.py'} {command}"
    run = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (code, error)
    assert not run.stdout


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path):
    """What libraries print would go into it."""
    program = (
        "import os; from command_line.standard_output import forgiving_streams\n"
        "with forgiving_streams(): assert os.open('file', os.O_WRONLY | os.O_CREAT) > 2"
    )
    shell = [f'{sys.executable} -c "$0" <&- >&- 2>&-', program]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(["bash", "-c", *shell], cwd=tmp_path, env=environment).returncode == 0


def test_a_pipe_that_does_not_block_and_its_slow_reader(monkeypatch):
    read, write = os.pipe()
    os.set_blocking(write, False)
    text = "0123456789" * 20_000
    found = []

    def slowly() -> None:
        time.sleep(0.05)
        while piece := os.read(read, 65536):
            found.append(piece)

    reader = threading.Thread(target=slowly)
    reader.start()
    with os.fdopen(write, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        with forgiving_streams():
            print(text, end="")
    reader.join()
    os.close(read)
    assert b"".join(found).decode() == text
