"""A command that compiles says so on a terminal, beside its result and never in it."""

from __future__ import annotations

import io

import pytest

from command_line.waiting import compiling_is_told
from layers import compiling


@pytest.fixture(autouse=True)
def compiling_in_tests() -> None:
    """It is, as in the program."""


@pytest.mark.parametrize(
    ("terminal", "rank", "said"),
    [
        (True, 0, "compiling the kernels (x), once: 3 s\n"),
        (True, 1, ""),
        (False, 0, ""),
    ],
)
def test_a_terminal_is_told_by_one_process(terminal, rank, said, monkeypatch, capsys):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr("command_line.waiting.is_main_process", lambda: rank == 0)
    with compiling_is_told():
        compiling.begins("x")
        compiling.ends(2.6)
    compiling.begins("y")
    assert stream.getvalue() == said and capsys.readouterr().out == ""


def test_without_a_standard_error(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    with compiling_is_told():
        compiling.begins("x")
