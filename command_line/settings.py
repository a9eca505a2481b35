"""Which settings make a run what it is, and which may change while it goes on.

One idea serves three questions: may this checkpoint be resumed, does this folder hold the same
run, and what shall the run be called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Packages whose callbacks, plugins and the like a checkpoint may bring along.
KNOWN_PACKAGES = ("callbacks", "pytorch_lightning", "lightning_fabric")
# How long, how watched, how fast and where: none of it changes what a training step does.
FREE = re.compile(
    r"^(config|ckpt_path|output|lengths"
    r"|threads|run\..*|convergence\..*|early_stopping\..*|checkpoints\..*|samples\..*|watch\..*"
    r"|model\.init_args\.backend|data\.init_args\.(num_workers|trust_dataset)"
    r"|trainer\.(?!gradient_clip|accumulate_grad_batches|precision|deterministic|plugins"
    r"|limit_train_batches|overfit_batches|callbacks).*)$"
)
MISSING = "(absent)"
# Settings whose values are classes, as they are typed; nested ones end in `class_path`.
CLASS_KEYS = ("model", "data", "optimizer", "lr_scheduler")
# What runs from before there was a setting have done.
EARLIER: dict[str, Any] = {"model.inhibitory": False, "data.curriculum": None}


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted keys: {"data": {"length": 3}} as {"data.length": 3}."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def defining(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that make the run what it is, as dotted keys."""
    return {key: value for key, value in flatten(config).items() if not FREE.match(key)}


def typed(key: str) -> str:
    """A dotted key as it is typed: without `init_args`, and a class by its argument."""
    return key.replace(".init_args", "").removesuffix(".class_path")


def holds_class(key: str) -> bool:
    """Whether the values of a dotted key are classes: only the key tells, moby.v2.txt is none."""
    return typed(key) in CLASS_KEYS or key.rpartition(".")[2] == "class_path"


def value_as_typed(key: str, value: Any) -> str:
    """The value of a dotted key: a class without its module, all else as it is written in YAML."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value).rpartition(".")[2] if holds_class(key) else str(value)


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Of two sets of dotted settings, those that differ: key to (value in one, in the other)."""
    keys = sorted(one.keys() | other.keys())
    pairs = {key: (_value(one, key), _value(other, key)) for key in keys}
    # To Python, false is 0.
    return {
        key: (a, b)
        for key, (a, b) in pairs.items()
        if a != b or isinstance(a, bool) != isinstance(b, bool)
    }


def _value(settings: Mapping[str, Any], key: str) -> Any:
    """A setting; of a run from before there was such a setting, what that comes to."""
    if key in settings:
        return settings[key]
    # All that is watched is off unless it is asked for.
    earlier = None if key.startswith("watch.") else EARLIER.get(typed(key), MISSING)
    # A group that has settings of its own is not absent.
    return MISSING if any(each.startswith(f"{key}.") for each in settings) else earlier


def describe(changed: Mapping[str, tuple[Any, Any]], one: str, other: str, most: int = 3) -> str:
    """'data.length is 20 there, 30 here; ...' with at most `most` of the differences."""
    # That another class has other settings goes without saying.
    classes = [key for key in changed if key.endswith("class_path")]
    keys = [key for key in changed if key not in classes and not _belongs_to(key, classes)]
    # Nor that a group is off where none of its settings is there.
    keys = [key for key in keys if not any(each.startswith(f"{key}.") for each in changed)]
    parts = []
    for key in (*classes, *keys):
        shown = [value_as_typed(key, value) for value in changed[key]]
        if shown[0] == shown[1]:
            # Classes of two modules, or a number and a text.
            shown = [repr(value) for value in changed[key]]
        parts.append(f"{typed(key)} is {shown[0]} {one}, {shown[1]} {other}")
    rest = f"; and {len(parts) - most} more" if len(parts) > most else ""
    return "; ".join(parts[:most]) + rest


def _belongs_to(key: str, classes: list[str]) -> bool:
    return any(key.startswith(each.removesuffix("class_path")) for each in classes)


def class_of(choice: Any) -> str:
    """The short name of a parsed class choice, a mapping with `class_path`; '' for none."""
    return str(choice["class_path"]).rpartition(".")[2] if choice else ""
