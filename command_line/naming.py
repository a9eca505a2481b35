"""What a run is called, and which of its settings people compare."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from pytorch_lightning import Trainer

from command_line.parser import CLASSES, arguments_of, import_class
from command_line.settings import differences, typed, value_as_typed
from datamodules import Curriculum

LONGEST_NAME = 100
CURRICULUM = "data.init_args.curriculum"


def default_name(
    settings: Mapping[str, Any], base: Mapping[str, Any], stated: Collection[str]
) -> str:
    """Name a run after what sets it apart from its experiment's config.

    Args:
        settings: the run's defining settings, dotted.
        base: those of the config alone.
        stated: keys that the config itself has; another class that is chosen keeps their values.

    Returns:
        Such as 'length=20,lr=0.01', or 'default'. The model is left out: it is a folder of its
        own. Of another optimiser, say, only the settings that are not its defaults are named.
    """
    base = dict(base)
    for key in CLASSES:
        class_path = settings.get(f"{key}.class_path")
        if class_path and class_path != base.get(f"{key}.class_path"):
            for name, default in defaults_of(class_path).items():
                argument = f"{key}.init_args.{name}"
                if argument not in stated:
                    base[argument] = default
    if base.get(CURRICULUM, "") is None:
        for name, value in asdict(Curriculum()).items():
            # Where it starts tells that there is one.
            if name != "start":
                base[f"{CURRICULUM}.{name}"] = value
    base["model.class_path"] = settings["model.class_path"]
    changed = [key for key in differences(settings, base) if key in settings]
    return name_of_run({key: settings[key] for key in changed})


def name_of_run(changed: Mapping[str, Any]) -> str:
    """A run by what sets it apart from its experiment's config: 'length=20,lr=0.01'; 'default'.

    Args:
        changed: dotted settings that differ from those of the config, and their values.
    """
    parts = []
    for key, value in sorted(changed.items()):
        parts.append(f"{_short(key)}={value_as_typed(key, value)}")
    name = re.sub(r"[\[\]() ]", "", ",".join(parts)) or "default"
    name = re.sub(r"[^\w=.,+-]", "-", name)
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 9]}-{sha256(name.encode()).hexdigest()[:8]}"
    return name


def defaults_of(class_path: str) -> dict[str, Any]:
    """Defaults of a class, as YAML would hold them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in arguments_of(import_class(class_path)).items()
    }


def hparams_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Defining settings by short names, without what an optimiser or the Trainer has by default."""
    defaults = {f"trainer.{name}": value for name, value in arguments_of(Trainer).items()}
    for key in ("optimizer", "lr_scheduler"):
        if class_path := settings.get(f"{key}.class_path"):
            for name, value in defaults_of(class_path).items():
                defaults[f"{key}.init_args.{name}"] = value
    defaults.pop("optimizer.init_args.lr", None)
    return short_names(
        {
            key: value
            for key, value in settings.items()
            if value is not None and (key not in defaults or defaults[key] != value)
        }
    )


def short_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted settings by the last part of their names, where that tells them apart."""
    short: dict[str, Any] = {}
    for key, value in settings.items():
        if key.endswith("class_path"):
            name, value = typed(key), value_as_typed(key, value)
        else:
            name = _short(key)
        short[typed(key) if name in short else name] = value
    return short


def _short(key: str) -> str:
    """A dotted setting without the group it is in: lr, curriculum.start; a class by its group."""
    if key == "seed_everything":
        return "seed"
    group, _, name = typed(key).partition(".")
    return name or group
