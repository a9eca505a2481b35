"""generate and play refuse what cannot be right: exit code 2, one line, and no text."""

from __future__ import annotations

import gzip
import shlex

import pytest
import torch

RUN = "runs/characters/CharGenerator/mine"
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
    "no threads": ("generate RUN --threads 0", "--threads: must be at least 1, got 0"),
    "threads": ("play RUN --threads 1025", "--threads: must be at most 1024, got 1025"),
    "type of threads": ("play RUN --threads two", "--threads: must be a whole number, got two"),
    "length": ("generate RUN --length 0", "length must be at least 1, got 0"),
    "samples": ("generate RUN --num_samples 0", "num_samples must be at least 1, got 0"),
    "samples beyond all memory": (
        f"generate RUN --num_samples {10**18}",
        f"--num_samples {10**18} takes ",
    ),
    "texts beyond all memory": (
        f"generate RUN --num_samples 2 --length {10**30}",
        f"--num_samples 2 x --length {10**30} takes 7.2e+13 EB of memory, and there are",
    ),
    "lines beyond all memory": (f"play RUN --lines {10**18} --speakers a", f"--lines {10**18} tak"),
    "a prompt without end": (
        "generate RUN --prompt_file /dev/zero",
        "/dev/zero holds more than 10 MB: name a part of it",
    ),
    "name beyond all files": (f"generate --ckpt_path {'x' * 300}", "no checkpoint at xxx"),
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
        "--prompt_file latin.txt is not text in UTF-8: byte 2 is 0xe9, as in Latin-1 or",
    ),
    "archive": (
        "generate RUN --prompt_file text.gz",
        "--prompt_file text.gz is a gzip archive; unpack it first",
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
    (tmp_path / "latin.txt").write_bytes("abéc, and more".encode("latin-1"))
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"abc"))
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
