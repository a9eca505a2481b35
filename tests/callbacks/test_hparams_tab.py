"""The HParams tab: columns of what differs, told once for all runs."""

from __future__ import annotations

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from callbacks.hparams_tab import differing, session, write_columns

RNN = {"model": "RNN", "lr": 0.01, "hidden_size": 8}
LSTM = {**RNN, "model": "LSTM", "forget_bias": 0.0}


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        ([RNN], []),
        ([RNN, RNN], []),
        ([RNN, {**RNN, "lr": 0.1}], ["lr"]),
        # What a model alone has is the same wherever it is, or is not.
        ([RNN, LSTM, RNN], ["model"]),
        ([RNN, LSTM, {**LSTM, "forget_bias": 1.0}], ["forget_bias", "model"]),
        # An optimiser's settings are there unless they are its defaults.
        ([RNN, {**RNN, "momentum": 0.9}], ["momentum"]),
        ([RNN, {**RNN, "lr": True}], ["lr"]),
        ([{**RNN, "lr": 1}, {**RNN, "lr": True}], ["lr"]),
        ([{**RNN, "betas": [0.9, 0.99]}, {**RNN, "betas": [0.9, 0.999]}], ["betas"]),
    ],
)
def test_the_settings_that_differ(runs, names):
    assert differing(runs) == names


def columns(folder):
    """Names, types and measures that TensorBoard reads, from the one file that there is."""
    events = EventAccumulator(str(folder))
    events.Reload()
    content = events.summary_metadata["_hparams_/experiment"].plugin_data.content
    told = HParamsPluginData.FromString(content).experiment
    assert len(list(folder.iterdir())) == 1
    names = {info.name: info.type for info in told.hparam_infos}
    return names, [info.name.tag for info in told.metric_infos]


def test_columns_are_those_and_take_the_place_of_earlier_ones(tmp_path):
    write_columns(tmp_path, [RNN], ["result/steps"])
    # Where nothing differs, there is no tab without a column.
    assert columns(tmp_path) == ({"model": 1, "lr": 3, "hidden_size": 3}, ["result/steps"])
    runs = [RNN, {**LSTM, "betas": [0.9]}, {**LSTM, "betas": [0.8], "lr": 0.1}]
    write_columns(tmp_path, runs, ["result/steps", "result/best_accuracy"])
    expected = {"betas": 1, "lr": 3, "model": 1}
    assert columns(tmp_path) == (expected, ["result/steps", "result/best_accuracy"])


def test_a_run_tells_its_settings_and_no_columns():
    started, ended = session({"lr": 0.1, "betas": [0.9, 0.99], "model": "RNN", "amsgrad": True})
    content = started.value[0].metadata.plugin_data.content
    values = HParamsPluginData.FromString(content).session_start_info.hparams
    found = {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()}
    assert found == {"lr": 0.1, "betas": "[0.9, 0.99]", "model": "RNN", "amsgrad": True}
    assert ended.value[0].tag == "_hparams_/session_end_info"
