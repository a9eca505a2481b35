"""The folder of a run: RUNS/EXPERIMENT/MODEL/NAME, where nothing is ever written over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from callbacks.files import written_whole
from command_line.errors import UsageError
from command_line.settings import defining, describe, differences


class FinishedAlready(Exception):
    """The very same command has been carried out before; its result is in the folder."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(f"{folder.path} is finished")
        self.folder = folder


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps config.yaml, TensorBoard events, checkpoints/ and result.json."""

    path: Path

    @classmethod
    def of(cls, checkpoint: Path) -> RunFolder | None:
        """The folder of the run that wrote a checkpoint, if the file is still there."""
        folder = cls(checkpoint.parent.parent)
        at_home = checkpoint.parent.name == "checkpoints" and folder.config_file.is_file()
        return folder if at_home else None

    @property
    def config_file(self) -> Path:
        return self.path / "config.yaml"

    @property
    def result_file(self) -> Path:
        return self.path / "result.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def checkpoint(self, name: str) -> Path:
        """The file of checkpoint `last` or `best`."""
        return self.checkpoints / f"{name}.ckpt"

    def result(self) -> dict[str, Any] | None:
        if not self.result_file.is_file():
            return None
        return dict(json.loads(self.result_file.read_text(encoding="utf-8")))

    def check(self, config: Mapping[str, Any], *, resumed: bool) -> None:
        """Make sure that a run may use the folder; nothing is written.

        Args:
            config: all settings of the run, plain types only.
            resumed: whether the run goes on from a checkpoint, rather than starting.

        Raises:
            UsageError: the folder holds another run, or this one half done.
            FinishedAlready: the folder holds the result of exactly this command.
        """
        if self._is_void():
            return
        present = self._config()
        changed = differences(defining(present), defining(config))
        if changed:
            raise UsageError(
                f"{self.path} holds a run with other settings "
                f"({describe(changed, 'there', 'here')}): name this one with --run.name NAME"
            )
        if resumed:
            return
        if self.result() and present == config:
            raise FinishedAlready(self)
        state = "finished" if self.result() else "unfinished"
        raise UsageError(
            f"{self.path} holds this run, {state}: go on with --ckpt_path last, "
            f"or start another one with --run.name NAME"
        )

    def claim(self, config: Mapping[str, Any], *, resumed: bool) -> None:
        """Make the folder this process's until it ends, and write the run's config.

        Raises:
            UsageError: another process is writing to the folder, or it cannot be written, or as
                in `check`.
            FinishedAlready: as in `check`.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock()
            self.check(config, resumed=resumed)
            if self._is_void():
                # Left by a run that ended before its first step.
                for events in self.path.glob("events.out.tfevents.*"):
                    events.unlink()
            with written_whole(self.config_file) as file:
                yaml.safe_dump(dict(config), file, sort_keys=False)
        except OSError as error:
            raise UsageError(
                f"cannot write to the run's folder {self.path}: {error.strerror}; "
                f"choose another place with --run.root"
            ) from None

    def _is_void(self) -> bool:
        """Whether there is nothing in the folder that could be lost."""
        return not self.result_file.is_file() and not any(self.checkpoints.glob("*.ckpt"))

    def _config(self) -> dict[str, Any]:
        try:
            config = yaml.safe_load(self.config_file.read_text(encoding="utf-8"))
        except (FileNotFoundError, yaml.YAMLError):
            config = None
        if not isinstance(config, dict):
            raise UsageError(
                f"{self.path} holds a run, but {self.config_file} does not tell which: "
                f"name this one with --run.name NAME"
            )
        return config

    def _lock(self) -> None:
        """Keep other processes out until this one ends; where files cannot be locked, trust."""
        try:
            import fcntl
        except ImportError:
            return
        file = (self.path / ".lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise UsageError(
                f"another process is writing to {self.path}: wait for it, or name this run "
                f"with --run.name NAME"
            ) from None
        except OSError:
            file.close()
            return
        _LOCKS.append(file)


# Closing a file would unlock it.
_LOCKS: list[IO[str]] = []
