"""The settings that a checkpoint brings along, looked at before anything is made of them.

A checkpoint may come from anybody. To parse a setting may mean to import what it names and to call
it, so the settings are judged here as the plain values that they are.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import json
import os
import re
import shlex
import site
import sys
import sysconfig
import typing
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn

from pytorch_lightning import Trainer

from command_line.errors import UsageError
from command_line.parser import CLASSES, import_class, usable
from command_line.settings import KNOWN_PACKAGES
from datamodules import CountedData
from lightning_modules import Predictor

# Groups of settings of this project's own, which name nothing that could be imported.
GROUPS = ("convergence", "early_stopping", "checkpoints", "samples", "watch", "run")
NUMBERS = ("seed_everything", "threads")
# Model and data are below classes of this project, the others below those of torch.
BASES = {**CLASSES, "model": Predictor, "data": CountedData}
# Where an optimiser or a schedule of torch may be imported from.
OF_TORCH = ("torch.optim.", "pytorch_lightning.cli.")
# Without these a network is measured.
OF_A_TRAINING = ("callbacks", "plugins", "logger", "profiler")
# Have to be said by whoever gives the command, wherever in a checkpoint they stand: what is in
# `dict_kwargs` would win over the person's own flag.
NOT_TAKEN = ("trust_dataset",)

CLASS_KEYS = {"class_path", "init_args", "dict_kwargs"}
TEXTS = (str, int, float, bool, NoneType, timedelta, os.PathLike)
CONTAINERS = (list, tuple, set, dict, Iterable, Sequence, Mapping)
# The name of a setting. A class may stand where one is expected, and nowhere else.
KEY = re.compile(r"(?!__|class_path$)[^\W\d]\w*")
# A dotted name, or the beginning of a mapping or a list in YAML, or of a folder.
SUSPECT = re.compile(r"[^\W\d]\w*\s*\.\s*[^\W\d]|[:{\[~]")


def trusted(
    config: Mapping[str, Any], file: Path, *, trains: bool, flags: Sequence[str]
) -> dict[str, Any]:
    """The settings of a checkpoint that may be parsed. Nothing that they name has been called.

    Model and data may be classes of the person's own. They alone are imported to look at them,
    unless they are in Python's library or in a package installed beside it.

    Args:
        config: of the checkpoint.
        file: of the checkpoint, to name it.
        trains: whether a training goes on. Otherwise its callbacks, plugins, loggers and profilers
            are left out.
        flags: as typed. What they name is trusted.

    Raises:
        UsageError: a setting names what a checkpoint may not name, or is no setting of a training.
    """
    kept: dict[str, Any] = without_trust(config)
    judge = _Judge(kept, file, " ".join(flags))
    for key, value in list(kept.items()):
        if key in GROUPS:
            judge.settings(key, judge.mapping(key, value), {}, texts=True)
        elif key == "trainer":
            left_out = () if trains else OF_A_TRAINING
            trainer = judge.mapping(key, value)
            kept[key] = {name: each for name, each in trainer.items() if name not in left_out}
            judge.settings(key, kept[key], annotations_of(Trainer), objects=True)
        elif key in BASES:
            if value is not None:
                judge.choice(key, value)
        elif key in NUMBERS:
            judge.value(key, value, texts=False)
        else:
            judge.refuse(f"has a setting {key!r}, which no training writes")
    return kept


@dataclasses.dataclass(frozen=True)
class _Judge:
    """Judges settings, each by where it stands in dotted words and by its annotation.

    Attributes:
        config: of the checkpoint.
        file: of the checkpoint.
        typed: all flags of the command.
    """

    config: Mapping[str, Any]
    file: Path
    typed: str

    def choice(self, key: str, value: Any) -> None:
        """A model, data, an optimiser or a schedule."""
        path = self.class_path(key, value)
        by_name = {each.__name__: each for each in usable(key)}
        if "." not in path and path not in by_name:
            self.refuse(f"names {key} {path}, which is unknown here")
        may = path.startswith(OF_TORCH) if key not in ("model", "data") else is_own(path)
        chosen = by_name.get(path) or self.imported(key, path, may_import=may)
        if not issubclass(chosen, BASES[key]):
            self.refuse(f"names {key} {path}, which is no {BASES[key].__name__}")
        self.arguments(key, value, chosen)

    def settings(
        self,
        where: str,
        settings: Mapping[str, Any],
        hints: Mapping[str, Any],
        *,
        texts: bool = False,
        objects: bool = False,
    ) -> None:
        """Settings of a group or class; `texts`: whether those without a hint may be any text."""
        for name, value in settings.items():
            if not isinstance(name, str) or not KEY.fullmatch(name):
                self.refuse(f"has {name!r} in {where}, which is no setting")
            hint = hints.get(name)
            plain = texts if hint is None else is_plain(hint)
            self.value(f"{where}.{name}", value, hint, texts=plain, objects=objects)

    def value(
        self, where: str, value: Any, hint: Any = None, *, texts: bool, objects: bool = False
    ) -> None:
        """A value: numbers, and what is made of them; texts that name nothing, or may be any."""
        if isinstance(value, str):
            # A file may hold more of the settings.
            is_file = os.path.exists(value) and not os.path.isdir(value)
            harmless = not SUSPECT.search(value) and not is_file
            if not (texts or harmless or self.named(value)):
                self.refuse_name(where, value)
        elif isinstance(value, (list, tuple)):
            for each in value:
                self.value(where, each, hint, texts=texts, objects=objects)
        elif isinstance(value, Mapping) and "class_path" in value:
            self.object(where, value, objects)
        elif isinstance(value, Mapping):
            self.settings(where, value, fields_of(hint), texts=texts)
        elif not (value is None or isinstance(value, (bool, int, float))):
            self.refuse(f"has {where} {value!r:.60}, which is no plain value")

    def object(self, where: str, value: Mapping[str, Any], expected: bool) -> None:
        """A callback, a plugin, a strategy and the like."""
        path = self.class_path(where, value)
        known = expected and path.partition(".")[0] in KNOWN_PACKAGES
        if not (known or self.named(path)):
            self.refuse_name(where, path)
        chosen = self.imported(where, path, may_import=True)
        # It may be there under another's name.
        if not (self.named(path) or chosen.__module__.partition(".")[0] in KNOWN_PACKAGES):
            self.refuse_name(where, path)
        self.arguments(where, value, chosen)

    def arguments(self, where: str, choice: Mapping[str, Any], chosen: type) -> None:
        for part in ("init_args", "dict_kwargs"):
            settings = self.mapping(where, choice.get(part) or {})
            self.settings(where, settings, annotations_of(chosen))

    def class_path(self, where: str, value: Any) -> str:
        path = self.mapping(where, value).get("class_path")
        if not isinstance(path, str) or not all(map(str.isidentifier, path.split("."))):
            self.refuse(f"names {where} {path!r}, which is no class")
        if not set(value) <= CLASS_KEYS:
            self.refuse(f"has more in {where} than a class and its settings")
        return path

    def mapping(self, where: str, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.refuse(f"has {where} {value!r:.60}, which is no group of settings")
        return value

    def imported(self, where: str, path: str, *, may_import: bool) -> type:
        """A class, whose module is only imported where that is allowed."""
        if not (may_import or self.named(path) or path.rpartition(".")[0] in sys.modules):
            self.refuse_name(where, path)
        try:
            found: Any = import_class(path)
        # A module of the person's own may raise anything.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            self.refuse(f"names {where} {path}, which cannot be imported here: {reason}")
        if not isinstance(found, type):
            self.refuse(f"names {where} {path}, which is no class")
        return found

    def named(self, name: str) -> bool:
        """Whether the person has named it too."""
        return bool(re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", self.typed))

    def refuse_name(self, where: str, name: str) -> NoReturn:
        group, _, inner = where.partition(".")
        flag, value = group, name
        if setting := inner.partition(".")[0]:
            settings = self.config[group]
            if group in BASES:
                settings = {**settings.get("dict_kwargs", {}), **settings.get("init_args", {})}
            flag, value = f"{group}.{setting}", settings[setting]
        typed = value if isinstance(value, str) else json.dumps(value, default=str)
        self.refuse(
            f"names {where} {name}, which a checkpoint alone may not bring along, since it might "
            f"run anything; if you trust it, name it yourself: --{flag} {shlex.quote(typed)}"
        )

    def refuse(self, why: str) -> NoReturn:
        raise UsageError(f"{self.file} {why}")


def without_trust(value: Any) -> Any:
    """The same settings without those that are not taken, at any depth."""
    if isinstance(value, Mapping):
        return {name: without_trust(each) for name, each in value.items() if name not in NOT_TAKEN}
    if isinstance(value, (list, tuple)):
        return type(value)(map(without_trust, value))
    return value


def is_own(path: str) -> bool:
    """Whether a class path is found outside of Python's library and of installed packages."""
    try:
        spec = importlib.util.find_spec(path.partition(".")[0])
    except ValueError:
        return False
    if spec is None:
        # It says best itself that it is not there.
        return True
    places = [spec.origin, *(spec.submodule_search_locations or [])]
    files = [Path(place).resolve() for place in places if place and os.path.exists(place)]
    installed = [
        Path(sysconfig.get_path(name)).resolve()
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    ]
    installed += [
        Path(each).resolve() for each in (*site.getsitepackages(), site.getusersitepackages())
    ]
    return bool(files) and not any(
        file.is_relative_to(folder) for file in files for folder in installed
    )


@cache
def annotations_of(chosen: type) -> Mapping[str, Any]:
    """Annotations of the arguments of a class, and of those above, as far as they can be known."""
    found: dict[str, Any] = {}
    for each in reversed(chosen.__mro__):
        if "__init__" in vars(each):
            try:
                found.update(typing.get_type_hints(vars(each)["__init__"]))
            except (AttributeError, NameError, TypeError):
                # Names that only a type checker knows: then none of its texts is taken for plain.
                for name in inspect.signature(vars(each)["__init__"]).parameters:
                    found.pop(name, None)
    return found


def fields_of(hint: Any) -> Mapping[str, Any]:
    """Annotations of the fields of the dataclass that a hint allows; of others there are none."""
    for each in (hint, *typing.get_args(hint)):
        if isinstance(each, type) and dataclasses.is_dataclass(each):
            return annotations_of(each)
    return {}


def is_plain(hint: Any) -> bool:
    """Whether a text for an argument is never more than a text, whatever it says."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal or hint is Ellipsis:
        return True
    if origin in (typing.Union, UnionType) or origin in CONTAINERS:
        # A bare typing.List says nothing of what is in it.
        return bool(inner) and all(map(is_plain, inner))
    return isinstance(hint, type) and issubclass(hint, TEXTS)
