"""The parser's many-line messages, told in one line with the nearest right name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby

from command_line.arguments import OF_SUBCOMMAND
from command_line.errors import did_you_mean
from command_line.habits import flag_meant, other_name
from command_line.settings import typed

# What jsonargparse says around the one thing that was wrong.
NOISE = re.compile(
    r"^(Does not validate against any of the Union subtypes|Subtypes: .*|Errors:"
    r"|Expected a <class 'NoneType'>.*|Given value.*|Problem with given class_path .*:"
    r"|Expected a path but .*|Import path .* does not correspond to a subclass of .*)$"
)
TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping",
}
NO_SUCH_CLASS = re.compile(
    r"Expected a dot import path|not correspond to a subclass|Not a valid subclass of"
    r"|object has no attribute 'keys'"
)
# How Python and Lightning write what a person would have typed.
PROGRAMMING = (
    (r"`?Trainer\((\w+)=(.*?)\)`?", r"trainer.\1 \2"),
    (r"<(?:[\w.]+\.)?(\w+)(?: object)? at 0x[0-9a-f]+>", r"\1"),
    (r"<(?:class|function|enum) '?(?:[\w.]+\.)?(\w+)'?.*?>", r"\1"),
    (r"torch\.Size\(\[(.*?)\]\)", r"[\1]"),
    (r"(?<!\w)`|`(?!\w)", ""),
)
AS_TYPED = {"None": "null", "True": "true", "False": "false"}
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
    # Where a value fits none of several classes, each says so.
    path = [key for key, _ in groupby(re.findall(r"Parser key \"([\w.]+)\"", message))]
    key = ".".join(path)
    owner = _last(re.findall(r"given class_path '[\w.]*?(\w+)'", message))

    if found := re.search(r"unrecognized arguments: (--?[\w.-]+)", message):
        return unknown_flag(found[1], keys)
    if found := re.search(r"unrecognized arguments: (\S+)", message):
        return f"unexpected {found[1]}: flags begin with --, and a value with spaces needs quotes"
    if found := re.search(r"does not accept option '([\w.-]+)'", message):
        return unknown_key(typed(found[1]), keys)
    if found := re.search(r"Option '([\w.-]+)' is not accepted", message):
        if owner == "Tensor":
            # Numbers may be tensors, which no flag can name.
            return f"{key}: must be a number"
        settings = choices.get(path[0], {}).get(owner, ()) if path else ()
        return no_setting(key, owner, found[1], settings, keys)
    if found := re.search(r"following arguments are required: ([\w.]+)", message):
        return _required(found[1], key, owner, choices)
    if found := re.search(r"(?:argument )?(-\S+): expected one argument", message):
        return f"{found[1]} needs a value"
    if found := re.match(r"--(\w+)\.help: Expected a dot import path string: (.*)", message):
        return unknown_class(found[1], found[2], choices.get(found[1], ()))
    if found := re.search(r"Unable to load config [\"'](.*?)[\"']", message):
        return f"{key or 'a group'}: no settings can be read from {found[1]}"
    values = re.findall(r"(?:Got|Given) value: (?!NestedArg|Namespace)(.*)", message)
    values = [AS_TYPED.get(value, value) for value in values]
    values += re.findall(r"Expected a dot import path string: (.*)", message)
    no_such_class = NO_SUCH_CLASS.search(message)
    if no_such_class and key in choices and not owner and values:
        return unknown_class(key, values[0], choices[key])
    if "instantiatable class, but is abstract" in message:
        return f"{key} is only a base of others{listed(choices.get(key, ()))}"
    got = f", got {values[0]}" if values else ""
    # What a seed of true would be, nobody could tell afterwards.
    right = "a whole number" if key == "seed_everything" else _right_values(message)
    if no_such_class and values and key.startswith("trainer.") and right in ("", "a list"):
        return f"{key}: unknown class {values[0]}"
    if key and right:
        return f"{key}: must be {right}{got}"
    if key and (found := re.search(r"invalid literal for int\(\) .*: '(.*)'", message)):
        return f"{key}: must be a whole number, got {found[1]}"
    if key and no_such_class:
        return f"{key}: must be a group of settings{got}"
    return in_plain_words(": ".join([key] * bool(key) + _what_is_left(message)) or message)


def in_plain_words(message: str) -> str:
    """A message of a library for its users' programs, in one line and without their notation."""
    for pattern, words in PROGRAMMING:
        message = re.sub(pattern, words, message)
    return " ".join(message.split())


def unknown_flag(flag: str, flags: Iterable[str]) -> str:
    """What is said of a flag, typed with its dashes, that does not exist."""
    name = flag.lstrip("-")
    if owners := [command for command, names in OF_SUBCOMMAND.items() if name in names]:
        return f"unknown flag {flag}: it is one of {' and '.join(owners)}"
    return f"unknown flag {flag}" + flag_meant(name, flags).replace("mean ", "mean --")


def unknown_key(key: str, keys: Iterable[str]) -> str:
    """What is said of a key in a config, as it would be typed, that does not exist."""
    return f"unknown key {key}{flag_meant(key, keys)}"


def no_setting(
    key: str, owner: str, name: str, settings: Iterable[str], keys: Iterable[str]
) -> str:
    """What is said of a setting that the chosen class does not have.

    Args:
        key: that the class was chosen by, such as model.
        owner: the class.
        name: of the setting that it does not have.
        settings: that it has.
        keys: every key that the subcommand knows.
    """
    elsewhere = [each for each in keys if not each.startswith(f"{key}.")]
    meant = other_name(name, [f"{key}.{each}" for each in settings]) or other_name(name, elsewhere)
    hint = did_you_mean(name, settings)
    if meant and not hint:
        hint = f", did you mean {meant[0]}?"
    if key == "lr_scheduler":
        hint += "; another schedule is chosen by --lr_scheduler NAME"
    return f"{key}.{name}: {owner} has no setting {name}{hint}"


def unknown_class(key: str, name: str, names: Iterable[str]) -> str:
    """What is said of a name that is none of the classes that a key may be set to."""
    return f"unknown {key} {name}{did_you_mean(name, names)}{listed(names)}"


def needs_checkpoint(subcommand: str) -> str:
    return f"{subcommand} needs --ckpt_path: a checkpoint, or the folder of a run"


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
    kinds = re.findall(r"Expected (?:an? )?<class '(?:[\w.]+\.)?(\w+)'>", message)
    words = [TYPES.get(kind, kind) for kind in kinds if kind not in ("NoneType", "Iterable")]
    words = words or ["a list"] * ("Iterable" in kinds)
    words += [f"a list of {count}" for count in re.findall(r"Expected a tuple with (\d+)", message)]
    literals = ", ".join(re.findall(r"Expected an? typing\.Literal\[(.*?)\]", message))
    if literals:
        words.append("one of " + ", ".join(dict.fromkeys(literals.replace("'", "").split(", "))))
    restrictions = re.findall(r"not conform to restriction v>(\S+)(?: and v<=(\S+))?", message)
    words += [
        f"above {least}" + f" and at most {most}" * bool(most) for least, most in restrictions
    ]
    return " or ".join(dict.fromkeys(words))


def _what_is_left(message: str) -> list[str]:
    lines = [line.strip().removeprefix("- ").strip() for line in message.splitlines()]
    lines = [re.sub(r"^Parser key \"[\w.]+\":\s*", "", line) for line in lines]
    return [line for line in lines if line and not NOISE.match(line)]


def _last(found: list[str]) -> str:
    return found[-1] if found else ""
