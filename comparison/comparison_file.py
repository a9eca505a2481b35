"""Files that say what a comparison is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from command_line.errors import UsageError, did_you_mean

# config: the base config, relative to the file, as is beside: a table of what others have reported;
# fixed: flags of `fit` that hold in all runs; the others are as the flags of `compare`.
KEYS = ("config", "models", "lengths", "seeds", "vary", "fixed", "test_lengths", "beside", "folder")
INTEGER = "tag:yaml.org,2002:int"


class _Loader(yaml.SafeLoader):
    """YAML in which 5:30:5 is no number of 18,305 seconds."""

    yaml_implicit_resolvers = {
        start: [(tag, pattern) for tag, pattern in resolvers if tag != INTEGER]
        for start, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(INTEGER, re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))


def read_comparison(file: Path) -> dict[str, Any] | None:
    """What is below `compare` in a file that `check_config` has passed.

    Returns:
        Of KEYS, those that it has; None if it is a config, rather than a comparison.

    Raises:
        UsageError: it is a comparison with something wrong in it.
    """
    # A safe loader, whatever its name.
    content = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    if "compare" not in content:
        return None
    settings = content["compare"]
    if not isinstance(settings, dict) or len(content) > 1:
        raise UsageError(f"{file} is not a comparison: it must hold 'compare' and nothing beside")
    for key in settings:
        if key not in KEYS:
            raise UsageError(f"{file}: unknown key compare.{key}{did_you_mean(str(key), KEYS)}")
    for key in ("vary", "fixed"):
        if not isinstance(settings.get(key) or {}, dict):
            raise UsageError(f"{file}: compare.{key} must map flags to values")
    if not isinstance(settings.get("config"), str):
        raise UsageError(f"{file}: compare.config must name the base config")
    if not isinstance(settings.get("beside") or "", str):
        raise UsageError(f"{file}: compare.beside must name a table of what others have reported")
    return settings
