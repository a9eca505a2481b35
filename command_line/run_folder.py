"""The folder of a run: RUNS/EXPERIMENT/MODEL/NAME, where nothing is ever written over."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from command_line.errors import UsageError
from command_line.settings import defining, describe, differences, flatten
from storage.files import written_whole
from storage.lock import LOCK, taken

# What a message begins with that tells of a run that is under way.
TAKEN = "another process is writing to"


class FinishedAlready(Exception):
    """The very same command has been carried out before; its result is in the folder."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(f"{folder.path} is finished")
        self.folder = folder


@dataclass
class RunFolder:
    """Where a run keeps config.yaml, TensorBoard events, checkpoints/ and result.json."""

    path: Path
    _descriptor: int | None = field(default=None, init=False, repr=False, compare=False)

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
    def samples_file(self) -> Path:
        return self.path / "samples.md"

    @property
    def instruments(self) -> Path:
        return self.path / "instruments"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def checkpoint(self, name: str) -> Path:
        """The file of checkpoint `last` or `best`."""
        return self.checkpoints / f"{name}.ckpt"

    def result(self) -> dict[str, Any] | None:
        if not self.result_file.is_file():
            return None
        try:
            return dict(json.loads(self.result_file.read_text(encoding="utf-8")))
        except ValueError:
            # Not this project's writing, which is whole or not there.
            return None

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
        if self.result() and not differences(flatten(present), flatten(config)):
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
        except (FileNotFoundError, UnicodeDecodeError, yaml.YAMLError):
            config = None
        if not isinstance(config, dict):
            raise UsageError(
                f"{self.path} holds a run, but {self.config_file} does not tell which: "
                f"name this one with --run.name NAME"
            )
        return config

    def release(self) -> None:
        """Let other processes write to the folder; the end of this one does so too."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _lock(self) -> None:
        """Keep other processes out."""
        self._descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        if not taken(self._descriptor):
            self.release()
            raise UsageError(
                f"{TAKEN} {self.path}: wait for it, or name this run with --run.name NAME"
            )
