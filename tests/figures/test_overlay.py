"""Curves are read from the events of a run as TensorBoard shows them."""

from __future__ import annotations

import time

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from figures.overlay import read_scalars


def test_what_a_resumed_run_has_taken_back_is_dropped_without_a_word(tmp_path, caplog):
    for number, (first, values) in enumerate(((1, (0.1, 0.2, 0.3)), (3, (0.7, 0.8)))):
        writer = EventFileWriter(str(tmp_path), filename_suffix=f".{number}")
        start = SessionLog(status=SessionLog.START)
        writer.add_event(Event(wall_time=time.time(), step=first, session_log=start))
        for step, value in enumerate(values, first):
            summary = Summary(value=[Summary.Value(tag="loss", simple_value=value)])
            writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
        writer.close()
    curves = read_scalars(tmp_path, ["loss", "accuracy"])
    assert {step: round(value, 6) for step, value in curves["loss"].items()} == {
        1: 0.1,
        2: 0.2,
        3: 0.7,
        4: 0.8,
    }
    assert curves["accuracy"] == {} and not caplog.records
