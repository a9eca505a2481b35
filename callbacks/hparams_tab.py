"""The HParams tab of TensorBoard: the settings in which the runs of an experiment differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from torch.utils.tensorboard.summary import hparams as summaries_of

from figures.tensorboard import write_events

TYPES = {bool: api_pb2.DATA_TYPE_BOOL, str: api_pb2.DATA_TYPE_STRING}


def session(hparams: Mapping[str, Any]) -> tuple[Summary, Summary]:
    """A run's row: its settings, and that it has ended. The columns are the experiment's."""
    _, started, ended = summaries_of({name: _shown(hparams[name]) for name in hparams}, {})
    return started, ended


def differing(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings in which runs differ, by name.

    One that only some models have, such as a bias of a gate, does not differ if it is the same
    wherever it is.

    Args:
        runs: the settings of each.
    """
    return [
        name
        for name in sorted({name for run in runs for name in run})
        if _differs(name, [run for run in runs if name in run])
        or any(
            len({name in run for run in runs if run.get("model") == model}) > 1
            for model in {run.get("model") for run in runs}
        )
    ]


def write_columns(folder: Path, runs: Sequence[Mapping[str, Any]], measures: Iterable[str]) -> None:
    """Write the columns of the tab as events of an experiment's folder, in place of earlier ones.

    TensorBoard takes them from any one run that has some, which cannot know of the others. It shows
    the first five of each kind. Where all runs are alike, all settings are columns.

    Args:
        folder: of the experiment, itself a run to TensorBoard.
        runs: the settings of each run.
        measures: tags of the scalars to be shown beside them.
    """
    everything = {name: value for run in runs for name, value in run.items()}
    experiment = api_pb2.Experiment(
        hparam_infos=[
            api_pb2.HParamInfo(
                name=name,
                type=TYPES.get(type(_shown(everything[name])), api_pb2.DATA_TYPE_FLOAT64),
                differs=True,
            )
            for name in differing(runs) or everything
        ],
        metric_infos=[
            api_pb2.MetricInfo(name=api_pb2.MetricName(tag=measure)) for measure in measures
        ],
    )
    content = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    value = Summary.Value(
        tag=metadata.EXPERIMENT_TAG, metadata=metadata.create_summary_metadata(content)
    )
    write_events(folder, [Summary(value=[value])], step=0, suffix=".columns")


def _differs(name: str, runs: Sequence[Mapping[str, Any]]) -> bool:
    return len({json.dumps(run[name]) for run in runs}) > 1


def _shown(value: Any) -> Any:
    """A value that TensorBoard has a type for."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)
