"""The flags of the light commands: understood, or refused in one line."""

from __future__ import annotations

import pytest

from command_line.errors import UsageError
from command_line.flags import FlagParser, list_of, number, one_of, unescaped, whole_number


@pytest.fixture
def parser() -> FlagParser:
    parser = FlagParser(prog="prog")
    parser.add_argument("--length", type=whole_number, default=5)
    parser.add_argument("--rates", type=list_of(number))
    parser.add_argument("--names", type=list_of(str))
    parser.add_argument("--device", type=one_of("cpu", "cuda"))
    parser.add_argument("--text", type=unescaped)
    parser.add_argument("--skip", action="store_true")
    return parser


@pytest.mark.parametrize(
    ("argv", "key", "value"),
    [
        ([], "length", 5),
        (["--length", "7"], "length", 7),
        (["--length=-7"], "length", -7),
        (["--length", "-7"], "length", -7),
        (["--rates", "0, 0.5,1e3"], "rates", [0.0, 0.5, 1000.0]),
        (["--names", "HAMLET,First Citizen"], "names", ["HAMLET", "First Citizen"]),
        (["--device", "cuda"], "device", "cuda"),
        (["--text", "a - b"], "text", "a - b"),
        (["--text=-b"], "text", "-b"),
        (["--text", "-flag"], "text", "-flag"),
        (["--rates", "-1,1e3"], "rates", [-1.0, 1000.0]),
        (["--skip", "--text", "-3x"], "text", "-3x"),
        (["--text", ""], "text", ""),
        (["--skip"], "skip", True),
    ],
)
def test_understood(parser, argv, key, value):
    assert getattr(parser.parse(argv), key) == value


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--lenght", "7"], "unknown flag --lenght, did you mean --length?"),
        (["--lenght=7"], "unknown flag --lenght, did you mean --length?"),
        (["--len", "7"], "unknown flag --len, did you mean --length?"),
        (["--zzz"], "unknown flag --zzz"),
        (["word"], "unexpected word: prog takes flags only"),
        (["--length"], "--length needs a value"),
        (["--length", "--skip"], "--length needs a value"),
        (["--text", "-h"], "--text needs a value"),
        (["--text=--"], "--text needs a value"),
        (["--skip", "-x"], "unknown flag -x"),
        (["--length", "1.5"], "--length: must be a whole number, got 1.5"),
        (["--rates", "0,hot"], "--rates: must be a number, got hot"),
        (["--rates", "1,,2"], "--rates: must be a list such as A,B, got '1,,2'"),
        (["--names", ""], "--names: must be a list such as A,B, got ''"),
        (["--device", "gpu"], "--device: must be one of cpu, cuda, got gpu"),
        (["--skip=1"], "--skip: ignored explicit argument '1'"),
    ],
)
def test_refused(parser, argv, message):
    with pytest.raises(UsageError) as error:
        parser.parse(argv)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (r"a\nb", "a\nb"),
        (r"\t\t", "\t\t"),
        (r"a\\nb", r"a\nb"),
        (r"\\\n", "\\\n"),
        (r"\x41\u00e9\0", r"\x41\u00e9\0"),
        ("é🎭e\u0301 “ç”", "é🎭e\u0301 “ç”"),
        ("a\nb", "a\nb"),
        ("\\", "\\"),
    ],
)
def test_unescaped(typed, text):
    assert unescaped(typed) == text
