"""The folder of a run: RUNS/EXPERIMENT/MODEL/NAME, where nothing is ever written over."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from command_line.errors import UsageError
from command_line.settings import defining, describe, differences, flatten
from command_line.unwritable import cannot_write
from command_line.yaml_text import KeyTwice, load
from storage.files import written_whole
from storage.lock import LOCK, taken
from storage.result import read_result

# What a message begins with that tells of a run that is under way.
TAKEN = "another process is writing to"


class FinishedAlready(Exception):
    """The very same command has been carried out before; its result is in the folder."""

    def __init__(self, folder: RunFolder, settings: Mapping[str, Any]) -> None:
        super().__init__(f"{folder.path} is finished")
        self.folder, self.settings = folder, settings


@dataclass
class RunFolder:
    """Where a run keeps config.yaml, TensorBoard events, checkpoints/ and result.json."""

    path: Path
    _descriptor: int | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, checkpoint: Path) -> RunFolder | None:
        """The folder of the run that wrote a checkpoint, if the file is still there."""
        folder = cls(checkpoint.parent.parent)
        # Who has lost the one file still has the other.
        marks = (folder.config_file, folder.path / LOCK)
        at_home = checkpoint.parent.name == "checkpoints" and any(map(Path.is_file, marks))
        return folder if at_home else None

    @property
    def experiment(self) -> Path:
        """The folder of all runs that are compared."""
        return self.path.parent.parent

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
    def how_far_file(self) -> Path:
        """There while the run trains."""
        return self.path / ".how_far"

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
        """What the run has come to; None if it has not ended, or the file is broken."""
        return read_result(self.result_file)

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
        present = self._config() or self._config_of_checkpoint()
        if not present:
            raise UsageError(
                f"{self.path} holds a run, but neither {self.config_file} nor a checkpoint tells "
                f"which: name this one with --run.name NAME"
            )
        changed = differences(defining(present), defining(config))
        if changed and resumed:
            # It may be the file that has changed: a checkpoint bears checksums.
            present = self._config_of_checkpoint() or present
            changed = differences(defining(present), defining(config))
        if changed:
            raise UsageError(
                f"{self.path} holds a run with other settings "
                f"({describe(changed, 'there', 'here')}): name this one with --run.name NAME"
            )
        if resumed:
            return
        result = self.result()
        if result and not differences(flatten(present), flatten(config)):
            raise FinishedAlready(self, config)
        state = "finished" if result else "unfinished"
        if not result and self.result_file.is_file():
            state = f"whose {self.result_file.name} is broken"
        raise UsageError(
            f"{self.path} holds this run, {state}: {self._way_on()}start another one with "
            f"--run.name NAME"
        )

    def _way_on(self) -> str:
        """How the run goes on, if it has a checkpoint."""
        if self.checkpoint("last").is_file():
            return "go on with --ckpt_path last, or "
        others = [file for file in self.checkpoints.glob("*.ckpt") if file.is_file()]
        if not others:
            return ""
        latest = max(others, key=lambda file: file.stat().st_mtime)
        return f"go on with --ckpt_path {shlex.quote(str(latest))}, or "

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
        except (FinishedAlready, UsageError):
            # The process may go on with another run.
            self.release()
            raise
        except OSError as error:
            self.release()
            wrong = (
                f"cannot write to the run's folder {self.path}: {error.strerror}; "
                f"choose another place with --run.root"
            )
            raise cannot_write(self.path, error, wrong) from None

    def _is_void(self) -> bool:
        """Whether there is nothing in the folder that could be lost."""
        return not self.result_file.is_file() and not any(self.checkpoints.glob("*.ckpt"))

    def _config(self) -> dict[str, Any]:
        """The settings of the run that is here; none where the file is missing or broken.

        Raises:
            UsageError: a key is there twice, so that somebody has written to it.
        """
        try:
            config = load(self.config_file.read_text(encoding="utf-8"))
        except KeyTwice as error:
            raise UsageError(f"{self.config_file}, {error}") from None
        # Also if it is no text in UTF-8, or no YAML.
        except (OSError, ValueError):
            return {}
        return config if isinstance(config, dict) else {}

    def _config_of_checkpoint(self) -> dict[str, Any]:
        """The settings that a checkpoint of the run has; none where all are broken."""
        from command_line.checkpoint_file import intact

        for _, checkpoint in intact(self.checkpoints.glob("*.ckpt")):
            return dict(checkpoint["config"])
        return {}

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
