"""The parser's many-line messages, told in one line with the nearest right name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from command_line.errors import did_you_mean
from command_line.settings import typed

# What jsonargparse says around the one thing that was wrong.
NOISE = re.compile(
    r"^(Does not validate against any of the Union subtypes|Subtypes: .*|Errors:"
    r"|Expected a <class 'NoneType'>.*|Given value.*|Problem with given class_path .*:"
    r"|Expected a path but .*|Import path .* does not correspond to a subclass of .*)$"
)
TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
MOST_LISTED = 12

Choices = Mapping[str, Mapping[str, Iterable[str]]]


def in_one_line(message: str, keys: Iterable[str], choices: Choices) -> str:
    """Tell a message of jsonargparse in one line.

    Args:
        message: of the parser, or of an exception raised while it built an object.
        keys: every key that the subcommand knows, dotted, such as trainer.max_steps.
        choices: of each key that takes a class (model, data, optimizer, ...): the classes by
            name, and the names of their settings.
    """
    path = re.findall(r"Parser key \"([\w.]+)\"", message)
    key = ".".join(path)
    owner = _last(re.findall(r"given class_path '[\w.]*?(\w+)'", message))

    if found := re.search(r"unrecognized arguments: (--?)([\w.-]+)", message):
        dashes, flag = found.groups()
        hint = did_you_mean(flag, keys).replace("mean ", f"mean {dashes}")
        return f"unknown flag {dashes}{flag}{hint}"
    if found := re.search(r"does not accept option '([\w.]+)'", message):
        return f"unknown key {typed(found[1])}{did_you_mean(typed(found[1]), keys)}"
    if found := re.search(r"Option '([\w.]+)' is not accepted", message):
        settings = choices.get(path[0], {}).get(owner, ()) if path else ()
        hint = did_you_mean(found[1], settings)
        if key == "lr_scheduler":
            hint += "; another schedule is chosen by --lr_scheduler NAME"
        return f"{key}.{found[1]}: {owner} has no setting {found[1]}{hint}"
    if found := re.search(r"following arguments are required: ([\w.]+)", message):
        return _required(found[1], key, owner, choices)
    values = re.findall(r"(?:Got|Given) value: (?!NestedArg)(.*)", message)
    no_such_class = re.search(r"Expected a dot import path|not correspond to a subclass", message)
    if no_such_class and key in choices and not owner and values:
        names = choices[key]
        return f"unknown {key} {values[0]}{did_you_mean(values[0], names)}{listed(names)}"
    if "instantiatable class, but is abstract" in message:
        return f"{key} is only a base of others{listed(choices.get(key, ()))}"
    if key and (right := _right_values(message)):
        return f"{key}: must be {right}" + (f", got {values[0]}" if values else "")
    if no_such_class and key and key not in choices and values:
        return f"{key}: must be a group of settings, got {values[0]}"
    return ": ".join([key] * bool(key) + _what_is_left(message)) or " ".join(message.split())


def listed(names: Iterable[str]) -> str:
    """'; there are A, B and so on', unless they are too many to read."""
    names = sorted(names)
    return f"; there are {', '.join(names)}" if 0 < len(names) <= MOST_LISTED else ""


def _required(argument: str, key: str, owner: str, choices: Choices) -> str:
    if owner:
        return f"{key} {owner} needs --{key}.{argument} VALUE"
    name = argument.rpartition(".")[2]
    return f"the config names no {name}: add --{name}{listed(choices.get(name, ()))}"


def _right_values(message: str) -> str:
    """'a whole number or true or false' of 'Expected a <class 'int'>', and so on."""
    kinds = re.findall(r"Expected an? <class '(\w+)'>", message)
    words = [TYPES.get(kind, kind) for kind in kinds if kind != "NoneType"]
    literals = ", ".join(re.findall(r"Expected an? typing\.Literal\[(.*?)\]", message))
    if literals:
        words.append("one of " + ", ".join(dict.fromkeys(literals.replace("'", "").split(", "))))
    restrictions = re.findall(r"does not conform to restriction v>(\S+)", message)
    words += [f"above {bound}" for bound in restrictions]
    return " or ".join(dict.fromkeys(words))


def _what_is_left(message: str) -> list[str]:
    lines = [line.strip().removeprefix("- ").strip() for line in message.splitlines()]
    lines = [re.sub(r"^Parser key \"[\w.]+\":\s*", "", line) for line in lines]
    return [line for line in lines if line and not NOISE.match(line)]


def _last(found: list[str]) -> str:
    return found[-1] if found else ""
