"""The events of a run: where they are, and that a resumed run writes no step twice."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from callbacks import RunLogger
from callbacks.run_logger import failures_told_once


def written(folder, steps, resumed_step=None, value=1.0):
    logger = RunLogger(folder, resumed_step)
    for step in steps:
        logger.log_metrics({"loss/train": value}, step=step)
    logger.save()
    logger.finalize("success")


def test_events_straight_in_the_folder_and_nothing_else(tmp_path):
    folder = tmp_path / "runs" / "RRN" / "small"
    logger = RunLogger(folder)
    assert Path(logger.log_dir) == folder
    logger.log_hyperparams({"lr": 0.1}, {"result/best_accuracy": 1.0})
    logger.log_metrics({"loss/train": 1.0}, step=1)
    logger.save()
    logger.finalize("success")
    assert all(name.startswith("events.out.tfevents.") for name in os.listdir(folder))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]


def test_events_can_be_read_as_soon_as_they_are_saved(tmp_path, curves_of):
    logger = RunLogger(tmp_path)
    logger.log_metrics({"loss/train": 2.0}, step=1)
    logger.save()
    assert curves_of(tmp_path) == {"loss/train": [(1, 2.0)]}
    logger.finalize("success")


def test_no_metric_that_nobody_logged(tmp_path, curves_of):
    """Lightning would write an hp_metric of -1."""
    logger = RunLogger(tmp_path)
    logger.log_hyperparams({"lr": 0.1})
    logger.finalize("success")
    assert curves_of(tmp_path) == {}


def test_a_resumed_run_continues_after_its_checkpoint(tmp_path, curves_of):
    written(tmp_path, range(1, 11), value=1.0)
    written(tmp_path, range(6, 9), resumed_step=5, value=2.0)
    expected = [(step, 1.0) for step in range(1, 6)] + [(step, 2.0) for step in range(6, 9)]
    assert curves_of(tmp_path) == {"loss/train": expected}


def test_tensorboard_itself_forgets_what_a_resumed_run_writes_again(tmp_path):
    """It passes over the first beginning that it meets, which must not be the resumed one."""
    written(tmp_path, range(1, 11), value=1.0)
    written(tmp_path, range(6, 9), resumed_step=5, value=2.0)
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    events.Reload()
    assert [event.step for event in events.Tensors("loss/train")] == list(range(1, 9))


def test_no_file_before_there_is_something_to_write(tmp_path):
    logger = RunLogger(tmp_path)
    assert logger.experiment is not None
    logger.save()
    logger.finalize("success")
    assert not list(tmp_path.iterdir())


def test_a_run_resumed_at_its_start_forgets_all(tmp_path, curves_of):
    written(tmp_path, range(1, 11), value=1.0)
    written(tmp_path, range(1, 4), resumed_step=0, value=2.0)
    assert curves_of(tmp_path) == {"loss/train": [(1, 2.0), (2, 2.0), (3, 2.0)]}


def test_files_are_read_in_the_order_of_their_making(tmp_path, curves_of, monkeypatch):
    """Within the same second, number 10 comes before number 9."""
    from tensorboard.summary.writer import event_file_writer

    counter = type(event_file_writer._global_uid)(8)
    monkeypatch.setattr(event_file_writer, "_global_uid", counter)
    logger = RunLogger(tmp_path)
    for number in range(4):
        logger.log_metrics({"loss/train": float(number)}, step=number)
        logger.begin_file(number + 1)
    assert curves_of(tmp_path) == {"loss/train": [(number, number) for number in range(4)]}
    files = sorted(tmp_path.iterdir())
    assert [file.name.rpartition("_")[2] for file in files] == ["0", "1", "2", "3"]


def test_what_goes_on_from_the_same_step_replaces_it(tmp_path, curves_of):
    """Also what is of that very step, which a mark of TensorBoard's would leave."""
    written(tmp_path, range(6), value=1.0)
    written(tmp_path, range(5, 9), resumed_step=5, value=2.0)
    written(tmp_path, range(5, 7), resumed_step=5, value=3.0)
    expected = [(step, 1.0) for step in range(6)] + [(step, 3.0) for step in range(5, 7)]
    assert curves_of(tmp_path) == {"loss/train": expected}


def test_a_file_that_cannot_be_written_is_told_as_such(tmp_path):
    """By the writer's thread, Lightning would blame the numbers; and no traceback comes with it."""
    logger = RunLogger(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with failures_told_once():
            with pytest.raises(OSError, match="File too large"):
                logger.log_metrics({"loss": 1.0}, 1)
            logger.finalize("failed")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    # There is room again.
    logger.log_metrics({"loss": 1.0}, 2)
    logger.finalize("success")
    with pytest.raises(ValueError, match="you tried to log"):
        logger.log_metrics({"loss": "low"}, 3)
