"""What was typed is sorted, whatever the order it was typed in."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line.arguments import DEFAULT_CONFIG, Arguments, take_apart
from command_line.errors import UsageError

STUDY = str(DEFAULT_CONFIG.with_name("palindromes_study.yaml"))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("", Arguments("fit")),
        ("test", Arguments("test")),
        ("--model LSTM", Arguments("fit", flags=["--model=LSTM"])),
        ("validate --model=LSTM", Arguments("validate", flags=["--model=LSTM"])),
        ("--config a", Arguments("fit", configs=["a"])),
        ("--config=a", Arguments("fit", configs=["a"])),
        ("-c a", Arguments("fit", configs=["a"])),
        ("-c=a --config b", Arguments("fit", configs=["a", "b"])),
        ("--x 1 --config a --y 2", Arguments("fit", ["a"], None, ["--x", "1", "--y", "2"])),
        ("--ckpt_path last", Arguments("fit", checkpoint="last")),
        ("--ckpt_path=a=b", Arguments("fit", checkpoint="a=b")),
        ("--x.y 1 --x=A", Arguments("fit", flags=["--x.y", "1", "--x=A"])),
        ("--model.y 1 --model A", Arguments("fit", flags=["--model=A", "--model.y", "1"])),
        ("--model --data=A", Arguments("fit", flags=["--data=A", "--model"])),
        ("--x -1", Arguments("fit", flags=["--x=-1"])),
        ("--x -flag --y -1e-3", Arguments("fit", flags=["--x=-flag", "--y=-1e-3"])),
        ("--ckpt_path -r/last.ckpt", Arguments("fit", checkpoint="-r/last.ckpt")),
        ("--x -c a", Arguments("fit", ["a"], flags=["--x"])),
        ("--x=1 -y", Arguments("fit", flags=["--x=1", "-y"])),
        ("--model -x", Arguments("fit", flags=["--model=-x"])),
        ("--x=a=b", Arguments("fit", flags=["--x=a=b"])),
        ("--config.x a", Arguments("fit", flags=["--config.x", "a"])),
    ],
)
def test_take_apart(command, expected):
    assert take_apart(command.split()) == expected


def test_what_was_typed_stays_as_it_is():
    argv = ["fit", "--config", "a", "--x"]
    take_apart(argv)
    assert argv == ["fit", "--config", "a", "--x"]


@pytest.mark.parametrize("flag", ["-c", "--config", "--ckpt_path"])
@pytest.mark.parametrize("behind", [[], ["--model=RNN"]])
def test_a_value_is_missing(flag, behind):
    with pytest.raises(UsageError, match=f"^{flag} needs a value$"):
        take_apart(["fit", flag, *behind])


@pytest.mark.parametrize("flag", ["--config=", "--ckpt_path="])
def test_an_empty_value(flag):
    with pytest.raises(UsageError, match=f"^{flag[:-1]} needs a value$"):
        take_apart(["fit", flag])


@pytest.mark.parametrize("flag", ["--config", "--ckpt_path"])
def test_nothing_is_fetched(flag):
    with pytest.raises(UsageError, match=f"^{flag} https://a/b: download it first"):
        take_apart(["fit", flag, "https://a/b"])


def test_unknown_subcommand():
    with pytest.raises(UsageError, match="did you mean validate.*fit, validate, test"):
        take_apart(["valdate"])


@pytest.mark.parametrize(
    ("checkpoint", "path"),
    [(None, None), ("last", None), ("best", None), ("./last", Path("last")), ("a/b", Path("a/b"))],
)
def test_checkpoint_path(checkpoint, path):
    assert Arguments("fit", checkpoint=checkpoint).checkpoint_path == path


def test_a_config_does_not_undo_the_flags_in_front_of_it(parse):
    settings = parse("--model", "LSTM", "--data.length=20", "--config", STUDY).settings
    assert settings["model"]["class_path"] == "lightning_modules.LSTM"
    assert settings["data"]["init_args"]["length"] == 20
    assert settings["model"]["init_args"]["initialization"] == "study"


def test_later_configs_win(parse, tmp_path):
    (tmp_path / "short.yaml").write_text("data: {init_args: {length: 3}}\nseed_everything: 5\n")
    settings = parse("--config", STUDY, "--config", "short.yaml", "--seed_everything=6").settings
    assert settings["data"]["init_args"]["length"] == 3
    assert settings["seed_everything"] == 6
    assert settings["run"]["experiment"] == "palindromes_study"


@pytest.mark.parametrize("subcommand", ["fit", "compare"])
def test_bytes_that_are_no_text_are_told(subcommand, train, tmp_path):
    """As é is, typed where the locale knows ASCII alone."""
    outcome = train(subcommand, "--run.name", b"caf\xc3\xa9".decode("ascii", "surrogateescape"))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "train.py: error: caf?? is not text in the encoding of this locale: set LC_ALL=C.UTF-8, "
        "or PYTHONUTF8=1\n"
    )
    assert not list(tmp_path.iterdir())
