"""generate and play: what they print, and how they refuse."""

from __future__ import annotations

import io
import os
import re
import shlex
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
ALPHABET = "\nabcdefg é🎭\u0301."


@pytest.fixture
def alphabet(char_checkpoint) -> Callable[..., dict]:
    """A checkpoint whose network goes on with the vocabulary's next character, and round again."""

    def make(vocabulary: str = ALPHABET, **text: object) -> dict:
        size = len(vocabulary)
        one = torch.eye(size)
        made = char_checkpoint(vocabulary, **text)
        made["hyper_parameters"].update(cell="RNN", hidden_size=size, num_layers=1)
        made["state_dict"] = {
            "network.recurrent.layers.0.weight_ih": 10 * one,
            "network.recurrent.layers.0.weight_hh": 0 * one,
            "network.recurrent.layers.0.bias": torch.zeros(size),
            # Row: the next character; column: the one before.
            "network.readout.weight": 200 * one.roll(1, 0),
            "network.readout.bias": torch.zeros(size),
        }
        return made

    return make


@pytest.fixture
def save(tmp_path, monkeypatch) -> Callable[..., None]:
    """Write checkpoints of a run in the working folder."""
    monkeypatch.chdir(tmp_path)

    def write(checkpoint: object, name: str = "best") -> None:
        file = tmp_path / RUN / "checkpoints" / f"{name}.ckpt"
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, file)

    return write


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


def test_line_breaks_in_the_prompt(generate):
    assert generate("--prompt", r"g\n", "--length=2") == "g\nab\n"


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


NO_MODEL = "it is of model RRN: only a CharGenerator writes"
WRONG = {
    "no checkpoint": ("generate", "generate needs --ckpt_path: a checkpoint, or the folder"),
    "no checkpoint to play": ("play", "play needs --ckpt_path"),
    "missing run": ("generate --ckpt_path runs/characters/CharGenerator/min", "mine"),
    "missing file": (f"play --ckpt_path {RUN}/checkpoints/x.ckpt", "best.ckpt"),
    "no zip": ("generate --ckpt_path text.txt", "text.txt is not a checkpoint"),
    "another model": ("generate --ckpt_path rrn.ckpt", f"rrn.ckpt: {NO_MODEL}"),
    "another model to play": ("play --ckpt_path rrn.ckpt", f"rrn.ckpt: {NO_MODEL}"),
    "flag": ("generate RUN --temprature 1", "unknown flag --temprature, did you mean --temperatu"),
    "abbreviated": ("generate RUN --temp 1", "unknown flag --temp, did you mean --temperature?"),
    "flag of the other": ("play RUN --prompt a", "unknown flag --prompt"),
    "word": ("generate RUN hello", "unexpected hello: python train.py generate takes flags only"),
    "type": ("generate RUN --length long", "--length: must be a whole number, got long"),
    "types": ("generate RUN --temperatures 1,hot", "--temperatures: must be a number, got hot"),
    "device": ("generate RUN --device gpu", "--device: must be one of cpu, cuda, auto, got gpu"),
    "length": ("generate RUN --length 0", "length must be at least 1, got 0"),
    "samples": ("generate RUN --num_samples 0", "num_samples must be at least 1, got 0"),
    "temperature": ("generate RUN --temperature -1", "temperature must be a number from 0 upwards"),
    "temperatures": ("generate RUN --temperatures 1,nan", "from 0 upwards, got nan"),
    "top_k": ("generate RUN --top_k 0", "top_k must be at least 1, got 0"),
    "top_p": ("generate RUN --top_p 1.5", "top_p must be above 0 and at most 1, got 1.5"),
    "seed": ("play RUN --seed=-1 --speakers a", "seed must be from 0 to 4294967295, got -1"),
    "lines": ("play RUN --lines 0 --speakers a", "lines must be at least 1, got 0"),
    "two prompts": ("generate RUN --prompt '' --prompt_file -", "--prompt and --prompt_file excl"),
    "two temperatures": (
        "generate RUN --temperature 0 --temperatures 1",
        "--temperature and --temperatures exclude each other",
    ),
    "prompt": (
        "generate RUN --prompt 'To €'",
        "--prompt: the vocabulary has no 'T' (U+0054), 'o' (U+006F), '€' (U+20AC); --skip_unknown",
    ),
    "prompt file": ("generate RUN --prompt_file text.txt", "--prompt_file text.txt: the vocabular"),
    "no prompt file": ("generate RUN --prompt_file a/b", "--prompt_file a/b: No such file or dir"),
    "folder": ("generate RUN --prompt_file runs", "--prompt_file runs: Is a directory"),
    "encoding": (
        "generate RUN --prompt_file latin.txt",
        "--prompt_file latin.txt is not text in UTF-8: byte 2 is 0xe9",
    ),
    "stop": ("generate RUN --stop '\\t'", "--stop: the vocabulary has no '\\t' (U+0009)"),
    "empty stop": ("generate RUN --stop ''", "--stop: stop must have at least 1 character"),
    "no speakers": ("play RUN", "the checkpoint's corpus has no speakers: name some by --speakers"),
    "speaker": ("play RUN --speakers a,bÉ", "speaker bÉ.: the vocabulary has no 'É' (U+00C9)"),
    "empty speaker": ("play RUN --speakers a,,b", "--speakers: must be a list such as A,B, got"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input(case, train, save, alphabet, char_checkpoint, tmp_path):
    save(alphabet())
    rrn = char_checkpoint()
    rrn["config"]["model"]["class_path"] = "lightning_modules.RRN"
    del rrn["Text"]
    torch.save(rrn, tmp_path / "rrn.ckpt")
    (tmp_path / "text.txt").write_text("XYZ")
    (tmp_path / "latin.txt").write_bytes("abéc".encode("latin-1"))
    command, message = WRONG[case]
    outcome = train(*shlex.split(command.replace("RUN", f"--ckpt_path {RUN}")))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("train.py: error: ") and outcome.err.count("\n") == 1
    assert message in outcome.err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu(train, save, alphabet):
    save(alphabet())
    outcome = train("generate", "--ckpt_path", RUN, "--device=cuda")
    assert outcome.code == 2 and "--device cuda: torch finds no such device" in outcome.err
    outcome = train("generate", "--ckpt_path", RUN, "--device=auto", "--length=2")
    assert outcome.out == "ab\n"


def test_an_output_that_overflows_on_the_way(train, save, alphabet):
    overflowing = alphabet()
    overflowing["state_dict"]["network.readout.weight"][:, 3] *= 1e37
    overflowing["state_dict"]["network.readout.weight"][4, 3] = 3e38
    overflowing["state_dict"]["network.readout.bias"][4] = 3e38
    save(overflowing)
    outcome = train("generate", "--ckpt_path", RUN, "--prompt=c")
    assert outcome.code == 2
    assert outcome.err == "train.py: error: the network's output is not finite\n"


@pytest.fixture
def start(save, alphabet) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start `generate` in a process of its own; a network that knows the alphabet writes."""
    save(alphabet())

    started = []

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
