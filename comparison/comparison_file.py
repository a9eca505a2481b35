"""Files that say what a comparison is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from command_line.errors import UsageError, did_you_mean
from command_line.yaml_text import RangeLoader, load

# config: the base config, relative to the file, as is beside: a table of what others have reported;
# fixed: flags of `fit` that hold in all runs; the others are as the flags of `compare`.
KEYS = ("config", "models", "lengths", "seeds", "vary", "fixed", "test_lengths", "beside", "folder")


def read_comparison(file: Path) -> dict[str, Any] | None:
    """What is below `compare` in a file that `check_config` has passed.

    Returns:
        Of KEYS, those that it has; None if it is a config, rather than a comparison.

    Raises:
        UsageError: it is a comparison with something wrong in it.
    """
    content = load(file.read_text(encoding="utf-8"), RangeLoader)
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
