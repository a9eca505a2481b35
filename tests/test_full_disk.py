"""A disk that is full, a folder that is gone: a line that tells, exit code 1, and nothing lost."""

from __future__ import annotations

import errno
import os
import resource
import shlex
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from callbacks import AtomicCheckpointIO
from command_line import comparing
from comparison.engine import Answer
from comparison.folder import ComparisonFolder
from comparison.one_run import Kind, Outcome

RUN = "runs/palindromes/RRN/small"
ONCE_MORE = "; then give the same command again\n"


@contextmanager
def files_below(size: int):
    """Let no file become larger, as `ulimit -f` does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full(monkeypatch):
    """Let the disk be full for files of a name, once they are written for the n-th time."""

    def fill(name: str, number: int = errno.ENOSPC, nth: int = 1):
        sync, left = os.fsync, [nth]

        def fsync(descriptor):
            if name in os.readlink(f"/proc/self/fd/{descriptor}"):
                left[0] -= 1
                if left[0] <= 0:
                    raise OSError(number, os.strerror(number))
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)

    yield fill


def unfinished(folder):
    return [path.name for path in folder.rglob("*.unfinished")]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_at_the_start(number, full, train, small, tmp_path, monkeypatch):
    with monkeypatch.context():
        full("config.yaml", number)
        outcome = train(*small, "--trainer.max_steps=1")
    assert (outcome.code, outcome.out) == (1, "") and len(outcome.err.splitlines()) == 1
    problem = f"train.py: error: cannot write {RUN}/config.yaml: {os.strerror(number)}, on the disk"
    assert outcome.err.startswith(problem) and outcome.err.endswith(ONCE_MORE)
    assert not (tmp_path / RUN / "config.yaml").exists() and not unfinished(tmp_path)


@pytest.mark.parametrize("what", ["last.ckpt", "parameters.csv", "result.json"])
def test_on_the_way(what, full, train, small, tmp_path, monkeypatch):
    command = [*small, "--trainer.max_steps=20", "--watch.parameters=8"]
    with monkeypatch.context():
        full(what, nth=2 if what == "last.ckpt" else 1)
        outcome = train(*command)
    assert outcome.code == 1 and len(outcome.err.splitlines()) == 1
    told, _, then = outcome.err.partition("; then ")
    assert f"{what}: No space left on device, on the disk at /" in told
    assert then == f"go on from its last checkpoint with: python train.py fit --ckpt_path {RUN}\n"
    assert not unfinished(tmp_path) and not (tmp_path / RUN / "result.json").exists()


def test_the_events_of_tensorboard(train, small, tmp_path, result_of, monkeypatch):
    """They are written by a thread, whose error comes up when the next ones are."""
    written = []

    def write(self, data):
        written.append(data)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("tensorboard.summary.writer.record_writer.RecordWriter.write", write)
        outcome = train(*small, "--trainer.max_steps=20")
    assert outcome.code == 1 and len(outcome.err.splitlines()) == 1
    assert f"cannot write {RUN}: No space left on device, on the disk at /" in outcome.err
    # As the line says.
    *_, flags = outcome.err.partition("python train.py ")
    resumed = train(*shlex.split(flags))
    assert (resumed.code, resumed.err) == (0, "")
    assert result_of(tmp_path / RUN)["steps"] == 20


def test_a_folder_that_is_removed(train, small, tmp_path, monkeypatch):
    """It is not made again, with half a run in it."""
    save = AtomicCheckpointIO.save_checkpoint

    def save_and_remove(self, checkpoint, path, storage_options=None):
        save(self, checkpoint, path, storage_options)
        if checkpoint["global_step"] == 15:
            shutil.rmtree(tmp_path / "runs")

    monkeypatch.setattr(AtomicCheckpointIO, "save_checkpoint", save_and_remove)
    outcome = train(*small)
    assert outcome.code == 1 and len(outcome.err.splitlines()) == 1
    assert f"error: {RUN} has been removed or moved, or a part of it" in outcome.err
    assert not (tmp_path / "runs").exists()


class HereAndNow:
    """An engine that carries out each call at once, in this process."""

    def __init__(self):
        self.answers = []

    busy = property(lambda self: len(self.answers))
    idle = property(lambda self: 1 - self.busy)

    def start(self, key, function, *arguments):
        with pytest.MonkeyPatch.context() as patch:
            # Those of a process of its own.
            patch.setattr(sys, "stdout", os.fdopen(1, "w", closefd=False))
            patch.setattr(sys, "stderr", os.fdopen(2, "w", closefd=False))
            self.answers.append(Answer(key, function(*arguments)))

    def wait(self, seconds):
        answers, self.answers = self.answers, []
        return answers

    def interrupt(self):
        pass

    kill = interrupt


@pytest.fixture
def compare(train, small_config, monkeypatch):
    """Compare two seeds, without processes of their own."""
    monkeypatch.setattr(comparing, "_engine", lambda *_: HereAndNow())
    return lambda: train("compare", "--config=small.yaml", "--seeds=2", "--folder=folder")


def test_a_comparison_stops(compare, tmp_path):
    with files_below(15_000):
        outcome = compare()
    assert outcome.code == 1 and len(outcome.err.splitlines()) == 1
    file = "folder/runs/RRN/seed=0/checkpoints/last.ckpt"
    assert outcome.err.startswith(f"train.py: error: cannot write {file}: File too large, on the")
    again = "; then go on with: python train.py compare --config folder/comparison.yaml\n"
    assert outcome.err.endswith(again)
    # It is no fault of theirs, and the same command carries them out.
    assert not (tmp_path / "folder/failed").exists() and not unfinished(tmp_path)
    assert not (tmp_path / "folder/runs/RRN/seed=1").exists()


@pytest.mark.parametrize(
    ("removed", "tries", "words"),
    [
        # The folder of one run, which begins anew; the others are left alone.
        ("folder/runs/RRN/seed=0", ["seed=0", "seed=0", "seed=1"], ""),
        ("folder", ["seed=0"], "folder has been removed or moved meanwhile: put it back; then"),
    ],
)
def test_what_is_removed_from_a_comparison(removed, tries, words, compare, monkeypatch, tmp_path):
    tried = []

    def carry_out(task):
        tried.append(task.run.name)
        if len(tried) == 1:
            shutil.rmtree(tmp_path / removed, ignore_errors=True)
            return Outcome(Kind.UNWRITABLE, "gone")
        ComparisonFolder(task.folder).note_failure(task.run, "why not")
        return Outcome(Kind.FAILED)

    monkeypatch.setattr("comparison.conduct.Conductor.__init__.__defaults__", (carry_out,))
    outcome = compare()
    assert tried == tries and outcome.code == 1 and words in outcome.err


def test_a_comparison_whose_results_cannot_be_written(compare, full, monkeypatch):
    def carry_out(task):
        ComparisonFolder(task.folder).note_failure(task.run, "why not")
        full("results.csv")
        return Outcome(Kind.FAILED)

    monkeypatch.setattr("comparison.conduct.Conductor.__init__.__defaults__", (carry_out,))
    outcome = compare()
    assert outcome.code == 1 and len(outcome.err.splitlines()) == 1
    assert "cannot write folder/results.csv: No space left on device" in outcome.err
    assert "; then go on with: python train.py compare" in outcome.err


@pytest.mark.parametrize(
    ("name", "what", "says"),
    [
        ("checkpoints", Path.touch, "checkpoints: File exists"),
        ("result.json", Path.mkdir, "result.json: Is a directory"),
    ],
)
def test_something_else_in_the_place_of_a_file(name, what, says, train, small, tmp_path):
    folder = Path("runs/palindromes/RRN/small")
    (tmp_path / folder).mkdir(parents=True)
    what(tmp_path / folder / name)
    outcome = train(*small)
    assert outcome.code == 1 and len(outcome.err.splitlines()) == 1
    assert outcome.err.startswith(f"train.py: error: cannot write {folder}/{says}, on the disk")
    assert ": move away what is in its place; then " in outcome.err
    assert what is Path.touch or (tmp_path / folder / name).is_dir()
