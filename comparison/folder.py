"""The folder of a comparison, which alone tells how far it has come."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from command_line.advice import quoted
from command_line.config_file import check_config
from command_line.errors import UsageError
from command_line.lengths_file import LENGTHS, read_lengths
from command_line.run_folder import RunFolder
from command_line.unwritable import Unwritable, cannot_write
from comparison.beside import BESIDE
from comparison.comparison_file import read_comparison
from comparison.definition import NAME, Definition, define
from comparison.grid import Run
from storage import how_far
from storage.files import check_folder, written_whole
from storage.lock import LOCK, locked, taken

# Whoever carries out the comparison has this file, together with others that do the same.
CLAIM = ".claim"
HEADING = "# Written by `compare`. To go on: python train.py compare --config {}\n"


class State(Enum):
    """How far a run has come."""

    NEW = "not begun"
    BEGUN = "begun"
    TRAINED = "trained, not measured at all test lengths"
    FAILED = "failed"
    FINISHED = "finished"


# What a run may be that is still to be carried out.
AHEAD = (State.NEW, State.BEGUN, State.TRAINED)


@dataclass(frozen=True)
class ComparisonFolder:
    """Where a comparison keeps all of itself.

    comparison.yaml is its definition, config.yaml its base config, beside.csv what others have
    reported, runs/MODEL/NAME/ its runs, logs/MODEL/NAME.log what they printed, and
    failed/MODEL/NAME.txt why one failed.

    Attributes:
        path: of it.
        test_lengths: that a run has to be measured at to be finished; () if at none.
    """

    path: Path
    test_lengths: tuple[int, ...] = ()

    @property
    def definition_file(self) -> Path:
        return self.path / NAME

    @property
    def config_file(self) -> Path:
        return self.path / "config.yaml"

    @property
    def beside_file(self) -> Path:
        return self.path / BESIDE

    def run(self, run: Run) -> RunFolder:
        return RunFolder(self.path / "runs" / run.model / run.name)

    def log(self, run: Run) -> Path:
        return self.path / "logs" / run.model / f"{run.name}.log"

    def _note(self, run: Run) -> Path:
        return self.path / "failed" / run.model / f"{run.name}.txt"

    def state(self, run: Run) -> State:
        folder = self.run(run)
        trained = bool(folder.result())
        if trained and self._measured(folder):
            return State.FINISHED
        if self._note(run).is_file():
            return State.FAILED
        if trained:
            return State.TRAINED
        return State.BEGUN if folder.checkpoint("last").is_file() else State.NEW

    def how_far(self, run: Run) -> str:
        """How far a run that is under way has come, in words."""
        folder = self.run(run)
        if now := how_far.read(folder.how_far_file):
            steps = str(now.steps) if now.steps > 0 else "?"
            return f"step {now.step:>{len(steps)}}/{steps}  accuracy {now.accuracy:.3f}"
        if not folder.result_file.is_file():
            return "begins"
        return "is measured" if self.test_lengths else "ends"

    def _measured(self, folder: RunFolder) -> bool:
        wanted = set(map(str, self.test_lengths))
        return not wanted or wanted <= {
            row["test_length"] for row in read_lengths(folder.path / LENGTHS)
        }

    def failure(self, run: Run) -> str:
        """Why a run failed, in one line."""
        try:
            return self._note(run).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return "unknown"

    def note_failure(self, run: Run, reason: str) -> None:
        with written_whole(self._note(run)) as file:
            file.write(reason + "\n")

    def forget_failure(self, run: Run) -> None:
        """Let a run be tried again."""
        self._note(run).unlink(missing_ok=True)

    def check(self, definition: Definition) -> Definition:
        """Make sure that the folder may hold this comparison; nothing is written.

        Returns:
            The definition, in the spelling of the one that is there already.

        Raises:
            UsageError: it holds another one, or something else.
        """
        if os.path.exists(self.path) and not self.path.is_dir():
            raise UsageError(f"{self.path} is not a folder: choose another one with --folder")
        if self.definition_file.is_file() and self.config_file.is_file():
            there, _ = define(self.definition_file, {}, {})
            definition.check_same(there, self.path)
            definition = definition.spelled_as(there)
        elif self.path.is_dir() and any(
            not self._may_be_left(each) for each in self.path.iterdir()
        ):
            raise UsageError(
                f"{self.path} holds something else than a comparison: choose another folder with "
                f"--folder FOLDER"
            )
        try:
            check_folder(self.path)
        except OSError as error:
            raise self._unwritable(error) from None
        return definition

    @contextmanager
    def claimed(self, definition: Definition) -> Iterator[None]:
        """Write the definition and what it names, and keep other grids out meanwhile.

        Any number of processes may carry out the same runs at once.

        Raises:
            UsageError: as in `check`, or the folder cannot be written, or other runs than these
                are carried out in it right now.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with locked(self.path):
                # Another comparison may just have taken the folder.
                self.check(definition)
                descriptor = os.open(self.path / CLAIM, os.O_RDWR | os.O_CREAT, 0o666)
                try:
                    self._define(definition, alone=taken(descriptor))
                    taken(descriptor, shared=True)
                except BaseException:
                    os.close(descriptor)
                    raise
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            yield
        finally:
            os.close(descriptor)

    def _unwritable(self, error: OSError) -> UsageError | Unwritable:
        wrong = (
            f"cannot write to {self.path}: {error.strerror}; choose another folder with "
            f"--folder FOLDER"
        )
        return cannot_write(self.path, error, wrong)

    def _define(self, definition: Definition, alone: bool) -> None:
        if not alone:
            there, _ = define(self.definition_file, {}, {})
            other = ""
            if set(there.grid.runs()) != set(definition.grid.runs()):
                other = "of other runs"
            elif there.test_lengths != definition.test_lengths:
                other = "at other test lengths"
            if other:
                raise UsageError(
                    f"a comparison {other} is under way in {self.path}: wait until it has ended, "
                    f"or choose another folder with --folder FOLDER"
                )
        self._write(self.config_file, definition.config.read_text(encoding="utf-8"))
        if definition.beside:
            self._write(self.beside_file, definition.beside.read_text(encoding="utf-8"))
        content = definition.dump(self.config_file.name, self.beside_file.name)
        self._write(self.definition_file, HEADING.format(quoted(self.definition_file)) + content)
        if not definition.beside:
            # Last, so that no definition names what is not there.
            self.beside_file.unlink(missing_ok=True)

    @staticmethod
    def _write(file: Path, text: str) -> None:
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            with written_whole(file) as writing:
                writing.write(text)

    def _may_be_left(self, path: Path) -> bool:
        """Whether it is of a comparison that was killed before it had written its definition."""
        return path.name in (LOCK, CLAIM, "config.yaml", BESIDE) or path.suffix == ".unfinished"


def open_comparison(path: Path) -> tuple[Definition, ComparisonFolder]:
    """The comparison in a folder.

    Raises:
        UsageError: there is none.
    """
    folder = ComparisonFolder(path)
    if not folder.definition_file.is_file():
        raise UsageError(f"{path} is not the folder of a comparison: it holds no {NAME}")
    check_config(folder.definition_file, path)
    if read_comparison(folder.definition_file) is None:
        raise UsageError(f"{folder.definition_file} is not a comparison")
    return define(folder.definition_file, {}, {})[0], folder
