"""Configs from files, from pipes, and from what is neither."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from command_line import config_file
from command_line.config_file import MOST_BYTES, check_config, read_config, read_once
from command_line.errors import UsageError
from comparison.definition import define

EXAMPLES = Path("examples")
TWICE = "model: RRN\ntrainer: {max_steps: 1}\ndata: Palindromes\ntrainer: {max_steps: 2}\n"
SAYS = "lines 2 and 4: key trainer is there twice, keep one of them"


@pytest.fixture
def pipe(tmp_path):
    """A pipe through which a text comes, or nothing where it is None."""
    writers = []

    def make(text):
        place = tmp_path / "pipe"
        os.mkfifo(place)
        if text is not None:
            writer = threading.Thread(target=lambda: place.write_text(text))
            writer.start()
            writers.append(writer)
        return str(place)

    yield make
    for writer in writers:
        writer.join(10)
        assert not writer.is_alive()


def test_a_pipe_is_read_once(pipe):
    config = read_once(pipe("a: 1\n" + "# long\n" * 20_000))
    check_config(config, EXAMPLES)
    assert read_config(config) == read_config(config) == {"a": 1}


def test_of_an_open_pipe_too():
    reading, writing = os.pipe()
    with open(writing, "wb") as file:
        file.write(b"a: 1")
    try:
        assert read_config(read_once(f"/dev/fd/{reading}")) == {"a": 1}
    finally:
        os.close(reading)


def test_a_pipe_that_brings_nothing(pipe, monkeypatch):
    monkeypatch.setattr(config_file, "SECONDS_FOR_A_PIPE", 0.01)
    with pytest.raises(UsageError, match=r"^nothing has come through .*/pipe for 0\.01 s"):
        read_once(pipe(None))


def test_a_pipe_reaches_one_process_only(pipe, train, small_config, small):
    config = pipe(small_config.read_text())
    devices = ["--trainer.devices=2", "--trainer.strategy=ddp_fork"]
    outcome = train("fit", f"--config={config}", *small, *devices)
    assert outcome.code == 2 and "what comes through a pipe reaches one process only" in outcome.err


WRONG = {
    "no end": ("x" * MOST_BYTES + "x", "is too long for a config"),
    "empty": ("", "the config that came through a pipe is not a config"),
    "twice": (TWICE, f"the config that came through a pipe, {SAYS}"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_comes_through_a_pipe_may_be_wrong(kind, pipe):
    text, words = WRONG[kind]
    with pytest.raises(UsageError, match=words):
        check_config(read_once(pipe(text)), EXAMPLES)


def test_what_is_no_file(pipe, tmp_path):
    (tmp_path / "big.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    for place, words in {
        tmp_path: "is a folder, not a config",
        "/dev/zero": "/dev/zero is a device, not a config",
        tmp_path / "big.yaml": "it has more than 1,000,000 bytes",
        "x" * 300: "no config can be read at x+: File name too long",
        "a\0b": "no config can be read at .*: embedded null",
        pipe(None): "is a pipe, which can be read but once: save what comes through it to a file",
    }.items():
        with pytest.raises(UsageError, match=words):
            check_config(str(place), EXAMPLES)


@pytest.fixture
def twice(tmp_path):
    file = tmp_path / "twice.yaml"
    file.write_text(TWICE)
    return file


def test_a_key_twice_in_a_config(twice, train):
    message = f"train.py: error: {twice}, {SAYS}\n"
    for command in ("fit", "compare"):
        outcome = train(command, f"--config={twice}")
        assert (outcome.code, outcome.err) == (2, message)


def test_a_key_twice_in_what_a_config_names(twice, tmp_path, train):
    """The file of a group is named; of what is within a class, the line alone."""
    outer = tmp_path / "outer.yaml"
    outer.write_text("model: RRN\ndata: Palindromes\ntrainer: twice.yaml\n")
    outcome = train("fit", f"--config={outer}")
    assert (outcome.code, outcome.err) == (2, f"train.py: error: {twice}, {SAYS}\n")
    (tmp_path / "curriculum.yaml").write_text("start: 3\nstart: 4\n")
    outcome = train("fit", "--data.curriculum=curriculum.yaml")
    assert outcome.code == 2
    assert "lines 1 and 2: key start is there twice" in outcome.err


def test_a_key_twice_in_a_comparison(tmp_path, small_config):
    file = tmp_path / "comparison.yaml"
    file.write_text("compare:\n  config: small.yaml\n  seeds: 1\n  seeds: 2\n")
    with pytest.raises(UsageError, match=r"comparison\.yaml, lines 3 and 4: key seeds is there"):
        define(file, {}, {})


def test_a_key_twice_in_the_folder_of_a_run(tmp_path, train, small):
    folder = tmp_path / "runs/palindromes/RRN/small"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").touch()
    (folder / "config.yaml").write_text(TWICE)
    outcome = train("fit", *small)
    assert outcome.code == 2
    assert f"runs/palindromes/RRN/small/config.yaml, {SAYS}" in outcome.err
    assert (folder / "config.yaml").read_text() == TWICE
