"""The parser of the suite: Lightning's, with one line for each mistake."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any, NoReturn

import torch
import yaml
from jsonargparse import get_loader, set_loader
from pytorch_lightning import LightningDataModule, LightningModule
from pytorch_lightning.cli import LightningArgumentParser

from command_line.errors import UsageError
from command_line.messages import in_one_line
from command_line.yaml_text import KeyTwice, NotRead, load

CLASSES = {
    "model": LightningModule,
    "data": LightningDataModule,
    "optimizer": torch.optim.Optimizer,
    "lr_scheduler": torch.optim.lr_scheduler.LRScheduler,
}

# What the help says above the settings of each, where jsonargparse shows the base's docstring.
TITLES = {
    "model": "What is trained",
    "data": "What it is trained on",
    "optimizer": "How its weights are changed; any of torch.optim",
    "lr_scheduler": "How the learning rate changes; any of torch.optim.lr_scheduler",
}


class OneLineParser(LightningArgumentParser):
    """Raise UsageError with one line, where Lightning prints its usage and a page of details."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # What an abbreviation stands for would change with every new flag.
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def add_subclass_arguments(self, baseclass: Any, nested_key: str, **settings: Any) -> None:
        super().add_subclass_arguments(baseclass, nested_key, **settings)
        if nested_key in TITLES:
            self.groups[nested_key].title = TITLES[nested_key]

    def parse_args(self, args: Any = None, *rest: Any, **kwargs: Any) -> Any:
        if not self.exit_on_error and args:
            # To a setting within a setting, jsonargparse hands null on as Python writes it.
            args = [re.sub("=None$", "=null", each) for each in args]
        return super().parse_args(args, *rest, **kwargs)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:
            # A parser within the parser, for the arguments of a class: the outer one tells it.
            super().error(message, ex)
        parser = getattr(ex, "subcommand_parser", None) or self
        raise UsageError(parser.one_line(message)) from None

    def one_line(self, message: str) -> str:
        """A message of this parser, or of the objects that it builds, in one line."""
        return in_one_line(message, self._keys(), choices())

    def _keys(self) -> list[str]:
        keys = {action.dest for action in self._actions}
        subparsers = getattr(self, "_subcommands_action", None)
        if subparsers:
            for parser in subparsers._name_parser_map.values():
                keys.update(parser._keys())
        for key, classes in choices().items():
            for settings in classes.values():
                keys.update(f"{key}.{name}" for name in settings)
        return sorted(key for key in keys if not key.endswith(".help"))


def _loaded(text: str) -> Any:
    """What jsonargparse makes of a text in YAML, such as a file that a config names."""
    # Each value of a flag is one as well.
    if ":" in text:
        try:
            load(text)
        except KeyTwice as error:
            raise UsageError(f"a mapping in YAML, {error}") from None
        except NotRead:
            # It has its own words for it.
            pass
    return _load(text)


def _number(loader: yaml.constructor.SafeConstructor, node: yaml.ScalarNode) -> Any:
    """A number as YAML 1.1 has it, but for those to the base of 60: 1:30 is a text, not 90."""
    if ":" in node.value:
        return loader.construct_scalar(node)
    is_whole = node.tag.endswith(":int")
    return loader.construct_yaml_int(node) if is_whole else loader.construct_yaml_float(node)


# jsonargparse reads numbers by a loader of its own, which has its constructors from there.
for kind in ("int", "float"):
    yaml.constructor.SafeConstructor.add_constructor(f"tag:yaml.org,2002:{kind}", _number)
_load = get_loader("yaml")
set_loader("yaml", _loaded, exceptions=(yaml.YAMLError,))


def choices() -> dict[str, dict[str, list[str]]]:
    """Of each key that takes a class: the classes by name, and the names of their settings."""
    return {
        key: {each.__name__: list(arguments_of(each)) for each in usable(key)} for key in CLASSES
    }


def usable(key: str) -> list[type]:
    """The classes that `key` may be set to: torch's public ones, or this project's.

    A base that only others refine, such as the classifier without a layer, is of no use itself.
    """
    return [
        each
        for each in subclasses(CLASSES[key])
        if not each.__name__.startswith("_")
        and not each.__module__.startswith("pytorch_lightning")
        and not inspect.isabstract(each)
    ]


def subclasses(base: type) -> list[type]:
    """All classes below `base`."""
    children = base.__subclasses__()
    return children + [each for child in children for each in subclasses(child)]


def arguments_of(each: type) -> dict[str, Any]:
    """Arguments of a class, also those that it passes on to the classes above, and defaults."""
    arguments: dict[str, Any] = {}
    for cls in reversed(each.__mro__):
        if "__init__" in vars(cls) and cls not in (LightningModule, LightningDataModule):
            for name, parameter in inspect.signature(cls.__init__).parameters.items():
                arguments[name] = parameter.default
    for name in ("self", "args", "kwargs", "params", "optimizer"):
        arguments.pop(name, None)
    return arguments


def allows_null(each: type, name: str) -> bool:
    """Whether an argument of a class may be null, as far as its annotation tells."""
    for cls in each.__mro__:
        parameters = inspect.signature(cls.__init__).parameters
        if "__init__" in vars(cls) and name in parameters:
            return "None" in str(parameters[name].annotation)
    return True


def import_class(class_path: str) -> type:
    """The class at a dotted path, as parsed configs hold it."""
    module, _, name = class_path.rpartition(".")
    found: type = getattr(importlib.import_module(module), name)
    return found
