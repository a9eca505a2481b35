"""generate and play: what they print, and how they end."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from command_line.writing_flags import parser_of_generate, parser_of_play

ROOT = Path(__file__).resolve().parents[2]
RUN = "runs/characters/CharGenerator/mine"


@pytest.fixture
def generate(train, save, alphabet) -> Callable[..., str]:
    """What `generate` prints, by the network that knows the alphabet."""
    save(alphabet())
    return _printed(train, "generate")


def _printed(train, command: str) -> Callable[..., str]:
    def carry_out(*flags: str) -> str:
        outcome = train(command, "--ckpt_path", RUN, *flags)
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.out

    return carry_out


def test_goes_on_where_the_prompt_ends(generate):
    assert generate("--prompt", "ab", "--length", "5") == "abcdefg\n"
    assert generate("--prompt=g", "--length=5") == "g é🎭\u0301.\n"
    assert generate("--length=3") == "abc\n"
    assert len(generate()) == 501


@pytest.mark.parametrize("command", ["generate --length 3", "play --lines 1 --speakers a"])
@pytest.mark.parametrize(
    ("typed", "expected"), [("", 1), ("--threads 2", 2), ("--threads=1", 1), ("--threads null", 3)]
)
def test_one_thread_unless_more_are_asked_for(
    command, typed, expected, train, save, alphabet, monkeypatch
):
    """A second one waits for the first at each character, and takes its time of the processor."""
    save(alphabet())
    taken = [3]
    monkeypatch.setattr(torch, "set_num_threads", taken.append)
    outcome = train(*command.split(), "--ckpt_path", RUN, *typed.split())
    assert (outcome.code, outcome.err) == (0, "")
    assert taken[-1] == expected


def test_line_breaks_in_the_prompt(generate):
    assert generate("--prompt", r"g\n", "--length=2") == "g\nab\n"


def test_line_breaks_of_other_systems_in_a_prompt_file(generate, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfg\r\n")
    assert generate("--prompt_file=a.txt", "--length=2") == "g\nab\n"


def test_the_folder_of_checkpoints_is_as_good_as_the_run(train, save, alphabet):
    save(alphabet())
    outcome = train("generate", "--ckpt_path", f"{RUN}/checkpoints", "--length=3")
    assert (outcome.code, outcome.out) == (0, "abc\n")


@pytest.mark.parametrize("redirected", [">/dev/full", ">&-", "--prompt_file - <&-"])
def test_streams_that_are_not_there(redirected, save, alphabet, tmp_path):
    save(alphabet())
    command = f"{sys.executable} {ROOT}/train.py generate --ckpt_path {RUN} --length 3"
    run = subprocess.run(
        f"{command} {redirected}", shell=True, cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert run.stderr.startswith("train.py: error: ") and len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        (r"\n", "abcdefg é🎭\u0301."),
        ("de", "abc"),
        ("é🎭", "abcdefg "),
        ("b", "a"),
        ("da", "abcdefg é🎭\u0301.\nabcdefg é"),
    ],
)
def test_stop(generate, stop, text):
    assert generate("--prompt=a", "--length=20", "--stop", stop) == f"{text[:21]}\n"


def test_prompt_files(generate, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_bytes("\ufeffé🎭".encode())
    assert generate("--prompt_file=a.txt", "--length=2") == "é🎭\u0301.\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"c\n")))
    assert generate("--prompt_file", "-", "--length=2") == "c\nab\n"


def test_several_samples_under_headings(generate):
    assert generate("--num_samples=2", "--prompt=a", "--length=2") == (
        "--- sample 1 of 2 ---\nabc\n--- sample 2 of 2 ---\nabc\n"
    )


def test_several_temperatures_under_headings(generate):
    assert generate("--temperatures", "0,0.5", "--prompt=a", "--length=2", "--stop=c") == (
        "--- temperature 0 ---\nab\n--- temperature 0.5 ---\nab\n"
    )
    both = generate("--temperatures=0,1", "--num_samples=2", "--length=1")
    assert re.findall("--- (.*) ---", both) == [
        f"temperature {t}, sample {n} of 2" for t in "01" for n in (1, 2)
    ]


def test_skip_unknown(generate):
    assert generate("--prompt=a€b", "--skip_unknown", "--length=1") == "abc\n"


def test_settings_reach_the_drawing(train, save, char_checkpoint):
    save(char_checkpoint())
    generate = _printed(train, "generate")
    text = generate("--length=60", "--seed=3")
    assert generate("--length=60", "--seed=3") == text
    assert generate("--length=60", "--seed=4") != text
    greedy = generate("--length=60", "--temperature=0")
    assert greedy != text
    for cold in ("--temperature=1e-9", "--top_k=1", "--top_p=1e-9"):
        assert generate("--length=60", cold) == greedy
    samples = generate("--num_samples=3", "--length=60").split("---")[2::2]
    assert len(set(samples)) == 3


def test_the_best_checkpoint_of_a_run_or_the_one_named(train, save, alphabet):
    save(alphabet("abc"), "last")
    save(alphabet("acb"))
    for path, text in ((RUN, "ac"), (f"{RUN}/checkpoints/last.ckpt", "ab")):
        outcome = train("generate", "--ckpt_path", path, "--prompt=a", "--length=1")
        assert outcome.out == f"{text}\n"


def test_a_vocabulary_of_one_character(train, save, char_checkpoint):
    save(char_checkpoint("🎭"))
    assert _printed(train, "generate")("--prompt=🎭", "--length=2") == "🎭🎭🎭\n"


def test_the_cast_of_the_corpus(train, save, alphabet):
    save(alphabet(speakers=["c.", "fe."]))
    # A full stop and a space are followed by what follows the space.
    play = _printed(train, "play")
    lines = play("--lines=6", "--length=30").splitlines()
    assert lines[0] != lines[1] and lines == lines[:2] * 3
    assert set(lines) == {"c. é🎭\u0301.", "fe. é🎭\u0301."}
    assert play("--lines=6", "--seed=2") in (
        "\n".join(order * 3) + "\n"
        for order in (
            lines[:2],
            lines[1::-1],
        )
    )
    assert len(play().splitlines()) == 20


def test_lines_below_their_cues(train, save, alphabet):
    save(alphabet("\nabc:d", speakers=["a:", "b:"]))
    text = _printed(train, "play")("--lines=3", "--length=2")
    assert re.sub("[ab]:", "X:", text) == "X:\nab\n\n" * 3


def test_speakers_that_are_named(train, save, alphabet):
    save(alphabet(speakers=["c.", "d."], after_cue="\n"))
    play = _printed(train, "play")
    lines = play("--speakers", "C,fa, b.", "--lines=30", "--length=3").split("\n\n")
    assert set(lines) == {"c.\nabc", "fa.\nabc", "b.\nabc", ""}


@pytest.mark.parametrize("parser", [parser_of_generate(), parser_of_play()], ids=lambda p: p.prog)
def test_help_lists_every_flag_with_its_default(parser, train, capfd):
    with pytest.raises(SystemExit) as ended:
        train(parser.prog.split()[-1], "--help")
    assert ended.value.code == 0
    text = " ".join(capfd.readouterr().out.split())
    for action in parser._actions[1:]:
        assert f"{action.option_strings[0]} " in text and action.help
        if action.default:
            assert f"(default: {action.default:}" in f"{action.help})"


@pytest.fixture
def start(save, alphabet) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start `generate` in a process of its own; a network that knows the alphabet writes."""
    save(alphabet())

    started = []
    # Started in the background, a shell lets its processes ignore Ctrl-C, and theirs too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def begin(*flags: str, interpreter: tuple[str, ...] = (), **environment: str):
        command = [sys.executable, *interpreter, str(ROOT / "train.py"), "generate"]
        process = subprocess.Popen(
            [*command, "--ckpt_path", RUN, "--prompt=a", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "", **environment},
        )
        started.append(process)
        return process

    yield begin
    signal.signal(signal.SIGINT, before)
    for process in started:
        process.kill()
        # Closes the pipes.
        with process:
            pass


def test_a_reader_who_has_had_enough(start):
    process = start("--length=1000000000")
    # A reader who waits gets what is there: little, since characters come as they are drawn.
    assert len(os.read(process.stdout.fileno(), 4096)) < 1000
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""


def test_ctrl_c(start):
    process = start("--length=1000000000")
    assert process.stdout.read(3) == b"abc"
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait(60) == 130
    assert process.stderr.read() == b""


def test_neither_lightning_nor_an_encoding_is_needed(start):
    process = start("--length=9", interpreter=("-X", "importtime"), PYTHONIOENCODING="ascii")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"abcdefg ??\n")
    imported = set(re.findall(r"^import time:.*\| +([\w]+)", err.decode(), re.MULTILINE))
    assert {"torch", "generation", "layers"} <= imported
    heavy = {"pytorch_lightning", "lightning_fabric", "torchmetrics", "jsonargparse", "matplotlib"}
    assert not imported & (heavy | {"tensorboard", "callbacks", "lightning_modules"})
