"""No name and no text of anybody's moves a terminal."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from command_line.errors import UsageError
from command_line.names import check_folder_name, is_obeyed, visible
from command_line.program import main
from comparison.display import Display
from comparison.records import Record
from comparison.table import print_table

RED, TURNED, BELL = "\x1b[31mred", "a\u202eb", "a\x07"
OBEYED = [RED, TURNED, BELL, "a\nb", "a\rb", "a\x9b1mb", "a\u2028b", "\ud800", "a\u200bb", "a\x7f"]


@pytest.mark.parametrize(
    "name", ["a", "é", "数据", "a b", "a=1,b=0.5", ".a", "-a", "می\u200cخواهم", "🎭"]
)
def test_names_of_folders(name):
    check_folder_name("run.name", name)
    assert visible(name) == name


@pytest.mark.parametrize("name", [*OBEYED, "", " ", ".", "..", "a/b", "/a", "a/"])
def test_no_names_of_folders(name):
    with pytest.raises(UsageError, match=r"^run\.name must "):
        check_folder_name("run.name", name)


@pytest.mark.parametrize("text", OBEYED)
def test_what_is_obeyed_is_spelt_out(text):
    assert not any(is_obeyed(each) for each in visible(text) if each != "\n")
    assert visible(text) == text or "\\" in visible(text)


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
@settings(max_examples=50)
def test_everything_else_stays(text):
    assert visible(text) == text


WRONG = {
    f"fit --run.name={RED}": "run.name must have no control characters, got '\\x1b[31mred'",
    f"fit --run.experiment={TURNED}": "run.experiment must have no control characters",
    "fit --run.experiment=a\nb": "run.experiment must have no control characters, got 'a\\nb'",
    "fit --run.experiment=": "run.experiment must be the name of a folder, got ''",
    "fit --run.name=": "run.name must be the name of a folder, got ''",
    f"fit --run.root={RED}": "run.root must have no control characters",
    f"compare --folder={RED}": "--folder must have no control characters",
    f"fit --config={RED}": "no config at \\x1b[31mred",
    f"compare --config={RED}": "no config at \\x1b[31mred",
    f"fit --ckpt_path={RED}": "no checkpoint at \\x1b[31mred",
    f"fit --data=Text --model=CharGenerator --data.corpus={RED}": "\\x1b[31mred",
    f"{RED}": "unknown subcommand \\x1b[31mred",
    f"plot {RED}": "no folder at \\x1b[31mred",
    f"generate --ckpt_path={RED}": "no checkpoint at \\x1b[31mred",
}


@pytest.mark.parametrize("command", WRONG)
def test_commands(command, train):
    outcome = train(*command.split(" "))
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert WRONG[command] in outcome.err and outcome.err.rstrip("\n").isprintable()


def test_an_experiment_of_a_comparison(train, small_config):
    small_config.write_text(small_config.read_text().replace("experiment: small", 'experiment: ""'))
    outcome = train("compare", f"--config={small_config}")
    assert outcome.code == 2 and "run.experiment must be the name of a folder" in outcome.err


def test_the_folder_of_a_checkpoint(finished, train):
    folder = finished.rename(finished.with_name(RED))
    outcome = train("test", f"--ckpt_path={folder}")
    assert outcome.code == 0 and "RRN/\\x1b[31mred/checkpoints" in outcome.out


def test_tables_and_lines_of_a_comparison(monkeypatch, capsys, tmp_path):
    # So that Rich itself writes no control characters, as to a terminal of the simplest kind.
    monkeypatch.setenv("TERM", "dumb")
    records = [
        Record("RRN/a", "RRN", {"data.corpus": each}, "0", "finished") for each in (RED, "b")
    ]
    print_table(tmp_path, records)
    file = io.StringIO()
    Display(1, 0, 0, Console(file=file)).say(RED)
    for printed in (capsys.readouterr().out, file.getvalue()):
        assert "\\x1b[31mred" in printed and "\x1b" not in printed


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_what_a_network_writes(kind, alphabet, save, monkeypatch):
    save(alphabet("\n\x1bab"))
    monkeypatch.setattr(sys, "stdout", kind())
    assert main(["generate", "--ckpt_path=runs/characters/CharGenerator/mine", "--length=8"]) == 0
    assert ("\\x1b" if kind is Terminal else "\x1b") in sys.stdout.getvalue()
    assert ("\x1b" in sys.stdout.getvalue()) is (kind is io.StringIO)
