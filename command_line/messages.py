"""The parser's many-line messages, told in one line with the nearest right name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from command_line.errors import did_you_mean
from command_line.settings import typed

# What jsonargparse says around the one thing that was wrong.
NOISE = re.compile(
    r"^(Does not validate against any of the Union subtypes|Subtypes: .*|Errors:"
    r"|Expected a <class 'NoneType'>.*|Given value.*|Problem with given class_path .*:"
    r"|Expected a path but .*)$"
)
TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}


def in_one_line(message: str, keys: Iterable[str], choices: dict[str, list[str]]) -> str:
    """Tell a message of jsonargparse in one line.

    Args:
        message: of the parser, or of an exception raised while it built an object.
        keys: every key that the subcommand knows, dotted, such as trainer.max_steps.
        choices: of each key that takes a class (model, data, optimizer, ...), the classes' names.
    """
    flag = re.search(r"unrecognized arguments: (--?)([\w.-]+)", message)
    if flag:
        return f"unknown flag {flag[1]}{flag[2]}" + _nearest_key(flag[2], keys, "--")
    key = re.search(r"does not accept option '([\w.]+)'", message)
    if key:
        return f"unknown key {typed(key[1])}{_nearest_key(typed(key[1]), keys, '')}"
    path = re.findall(r"Parser key \"([\w.]+)\"", message)
    class_path = re.findall(r"given class_path '([\w.]+)'", message)
    owner = class_path[-1].rpartition(".")[2] if class_path else ""
    unknown = re.search(
        r"Option '([\w.]+)' is not accepted|Key '([\w.]+)' is not expected"
        r"|No action for key \"([\w.]+)\"",
        message,
    )
    if unknown:
        wrong = next(filter(None, unknown.groups()))
        return _unknown_option(wrong, path[0] if path else "", owner, keys)
    required = re.search(r"the following arguments are required: ([\w., ]+)", message)
    if required and path:
        return f"{path[0]} {owner} needs --{path[0]}.{required[1].split(',')[0]} VALUE"
    no_class = re.search(r"Expected a dot import path string: (\S+)", message)
    if no_class and path:
        names = choices.get(path[0], [])
        listed = f" There are {', '.join(names)}" if 0 < len(names) <= 12 else ""
        return f"unknown {path[0]} {no_class[1]}{did_you_mean(no_class[1], names)}{listed}"
    return ": ".join([".".join(path)] * bool(path) + _what_is_left(message))


def _unknown_option(wrong: str, where: str, owner: str, keys: Iterable[str]) -> str:
    if not owner:
        name = wrong if not where or wrong.startswith(where) else f"{where}.{wrong}"
        return f"unknown key {name}{_nearest_key(name, keys, '')}"
    prefix = f"{where}." if where else ""
    own = [key[len(prefix) :] for key in keys if key.startswith(prefix)]
    return f"{prefix}{wrong}: {owner} has no setting {wrong}{did_you_mean(wrong, own)}"


def _nearest_key(wrong: str, keys: Iterable[str], dashes: str) -> str:
    hint = did_you_mean(wrong, keys)
    return hint.replace("mean ", f"mean {dashes}") if hint else ""


def _what_is_left(message: str) -> list[str]:
    lines = [line.strip().removeprefix("- ").strip() for line in message.splitlines()]
    lines = [re.sub(r"^Parser key \"[\w.]+\":\s*", "", line) for line in lines]
    return [_plain(line) for line in lines if line and not NOISE.match(line)]


def _plain(line: str) -> str:
    """'Expected a <class 'int'>. Got value: abc' as 'must be a whole number, got abc'."""
    restricted = re.match(r"Not of type \w+: does not conform to restriction v>(.+)$", line)
    if restricted:
        return f"must be above {restricted[1]}"
    expected = re.match(r"Expected an? (.+?)\. Got value: (.*)$", line)
    if not expected:
        return line
    kind, value = expected[1], expected[2]
    builtin = re.match(r"<class '(\w+)'>", kind)
    literal = re.match(r"typing\.Literal\[(.*)\]", kind)
    if builtin:
        kind = TYPES.get(builtin[1], builtin[1])
    elif literal:
        kind = "one of " + literal[1].replace("'", "")
    return f"must be {kind}, got {value}"
