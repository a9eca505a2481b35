"""Config files that people name on the command line."""

from __future__ import annotations

import os
import select
import shlex
import stat
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from command_line.errors import UsageError
from command_line.yaml_text import KeyTwice, NotRead, load
from storage.texts import decode

# A config has two thousand.
MOST_BYTES = 1_000_000
SUFFIXES = (".yaml", ".yml", ".json")
SECONDS_FOR_A_PIPE = 10.0


def read_once(config: str) -> str:
    """A config that can be read again: the path typed, or the text that comes through a pipe.

    Raises:
        UsageError: it is a pipe through which no config comes.
    """
    try:
        if not stat.S_ISFIFO(os.stat(config).st_mode):
            return config
        content = _from_pipe(config)
    except (OSError, ValueError):
        return config
    if len(content) > MOST_BYTES:
        raise UsageError(f"what comes through {config} is too long for a config")
    try:
        # A text is told from a path by its line breaks.
        return decode(content, config) + "\n"
    except ValueError as error:
        raise UsageError(str(error)) from None


def _from_pipe(path: str) -> bytes:
    """All that comes through a pipe, or a little more than a config may have."""
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        content, waiting = b"", select.poll()
        waiting.register(pipe, select.POLLIN)
        while len(content) <= MOST_BYTES:
            if not waiting.poll(1000 * SECONDS_FOR_A_PIPE):
                raise UsageError(
                    f"nothing has come through {path} for {SECONDS_FOR_A_PIPE:g} s: it is a pipe"
                )
            chunk = os.read(pipe, 1 << 16)
            if not chunk:
                break
            content += chunk
        return content
    finally:
        os.close(pipe)


def is_text(config: str) -> bool:
    """Whether a config is the text of one, rather than its path."""
    return "\n" in config


def check_config(config: str | Path, examples: Path) -> None:
    """Make sure that a config can be read at all, and what it keeps in files of their own.

    Args:
        config: path of the file named, or the text of one.
        examples: folder of configs, to name the nearest one.

    Raises:
        UsageError: there is no such file, or it is not a YAML mapping in which every key is there
            once.
    """
    try:
        content = _checked(config, examples)
    except UsageError as error:
        raise UsageError(f"{error}{_kept_elsewhere(config)}") from None
    folder = Path() if is_text(str(config)) else Path(config).parent
    for value in content.values():
        if isinstance(value, str) and Path(value).suffix in SUFFIXES and (folder / value).exists():
            _checked(folder / value, examples)


def _kept_elsewhere(config: str | Path) -> str:
    """How a run's own config is to be had again."""
    run = Path() if is_text(str(config)) else Path(config).parent
    if Path(config).name != "config.yaml" or not (run / "checkpoints").is_dir():
        return ""
    again = f"python train.py fit --ckpt_path {shlex.quote(str(run))}"
    return f"; the checkpoints beside it have the same settings: {again} writes it again"


def _checked(config: str | Path, examples: Path) -> dict[str, Any]:
    name = _name(config)
    text = str(config) if is_text(str(config)) else _text_of_file(Path(config), examples)
    try:
        content = load(text)
    except KeyTwice as error:
        raise UsageError(f"{name}, {error}") from None
    except NotRead as error:
        raise UsageError(f"{name} is not YAML, {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{name} is not a config: it holds no 'key: value' pairs")
    return content


def _name(config: str | Path) -> str:
    return "the config that came through a pipe" if is_text(str(config)) else str(config)


def _text_of_file(path: Path, examples: Path) -> str:
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise UsageError(f"{path} is {_kind(mode)}")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(_missing(path, examples)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"no config can be read at {path}: {reason}") from None
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path} is not a config: it has more than {MOST_BYTES:,} bytes")
    try:
        return decode(content, str(path))
    except ValueError as error:
        raise UsageError(str(error)) from None


def _missing(path: Path, examples: Path) -> str:
    there = sorted(examples.glob("*.yaml"))
    near = get_close_matches(path.stem, [file.stem for file in there], n=1)
    if near:
        return f"no config at {path}, did you mean {examples / near[0]}.yaml?"
    return f"no config at {path}; there are {', '.join(map(str, there))}"


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder, not a config"
    if stat.S_ISFIFO(mode):
        return "a pipe, which can be read but once: save what comes through it to a file"
    return "a device, not a config"


def read_config(config: str | Path) -> dict[str, Any]:
    """A config that `check_config` has passed, by its path, or the text of one."""
    text = str(config) if is_text(str(config)) else decode(Path(config).read_bytes(), str(config))
    return dict(load(text))
