"""Config files that people name on the command line."""

from __future__ import annotations

from pathlib import Path

import yaml

from command_line.errors import UsageError, did_you_mean


def check_config(path: Path, examples: Path) -> None:
    """Make sure that a file can be read as a config at all.

    Args:
        path: the file named.
        examples: folder of configs, to name the nearest one.

    Raises:
        UsageError: there is no such file, or it is not a YAML mapping.
    """
    if not path.is_file():
        there = {file.name: str(file) for file in sorted(examples.glob("*.yaml"))}
        hint = (
            did_you_mean(path.name, there) or f"; there are {', '.join(there)} in {examples.name}/"
        )
        raise UsageError(f"no config at {path}{hint}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a config: it is not text in UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageError(f"{path} is not YAML{where}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path} is not a config: it holds no 'key: value' pairs")
