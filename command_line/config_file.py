"""Config files that people name on the command line."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from command_line.errors import UsageError
from storage.texts import decode


def check_config(path: Path, examples: Path) -> None:
    """Make sure that a file can be read as a config at all.

    Args:
        path: the file named.
        examples: folder of configs, to name the nearest one.

    Raises:
        UsageError: there is no such file, or it is not a YAML mapping.
    """
    if not path.is_file():
        there = sorted(examples.glob("*.yaml"))
        near = get_close_matches(path.stem, [file.stem for file in there], n=1)
        if near:
            raise UsageError(f"no config at {path}, did you mean {examples / near[0]}.yaml?")
        raise UsageError(f"no config at {path}; there are {', '.join(map(str, there))}")
    try:
        content = yaml.safe_load(decode(path.read_bytes(), str(path)))
    except ValueError as error:
        raise UsageError(str(error)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageError(f"{path} is not YAML{where}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path} is not a config: it holds no 'key: value' pairs")


def read_config(config: str) -> dict[str, Any]:
    """A config that `check_config` has passed, by its path, or the text of one."""
    text = config if "\n" in config else Path(config).read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
