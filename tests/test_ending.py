"""What a run leaves behind at its end is there in the end, once, wherever the run was cut off."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tests.conftest import QUICK, ROOT

FEW = [*QUICK, "--trainer.max_steps=9", "--trainer.val_check_interval=3"]
RUNS = {
    "graph": ["fit", f"--config={ROOT / 'configs/graphs.yaml'}", *FEW, "--watch.parameters=4"],
    # Out of patience after the second validation, not told before it.
    "writer": [
        "fit",
        f"--config={ROOT / 'configs/characters.yaml'}",
        *("--data.corpus=book.txt", "--data.length=9", "--data.batch_size=4"),
        *("--model.hidden_size=8", "--optimizer.lr=0.9", "--samples.length=5", *FEW),
        *("--watch.states=4", "--early_stopping.patience=1", "--early_stopping.min_delta=9"),
    ],
}
# Where each is cut off, time after time: when this would be called.
PLACES = {
    "graph": ["callbacks.ending.Ending.on_fit_end", "callbacks.report.draw_accuracy"],
    "writer": [
        "callbacks.convergence.Convergence.on_train_batch_end",
        "callbacks.report.Report._save",
    ],
}


@pytest.fixture
def finished(train, tmp_path):
    """Carry out a command; everything in the folder of its run."""

    def finished(*command: str) -> dict[str, object]:
        run = train(*command)
        assert run.code == 0, run.err
        (folder,) = tmp_path.glob("runs/*/*/*")
        return left_behind(folder)

    return finished


def left_behind(folder: Path) -> dict[str, object]:
    """The contents of all files but checkpoints, the result without its seconds, and each event."""
    files = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix not in (".ckpt", ".lock") and ".tfevents" not in file.name
    }
    result = json.loads(files.pop("result.json"))
    for name in ("seconds", "steps_per_second"):
        del result[name]
    return {"result": result, **files, **events(folder)}


def events(folder: Path) -> dict[str, object]:
    """By tag, what TensorBoard shows."""
    sizes = {"scalars": 0, "images": 0, "tensors": 0}
    events = EventAccumulator(str(folder), size_guidance=sizes)
    events.Reload()
    tags = events.Tags()
    session = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    return {
        # All but the speed, which is another each time.
        **{
            tag: [(e.step, e.value if "speed" not in tag else 0) for e in events.Scalars(tag)]
            for tag in tags["scalars"]
        },
        **{
            tag: [(e.step, sha256(e.encoded_image_string).digest()) for e in events.Images(tag)]
            for tag in tags["images"]
        },
        **{
            tag: [(e.step, e.tensor_proto.SerializeToString()) for e in events.Tensors(tag)]
            for tag in tags["tensors"]
        },
        "hparams": sorted(
            (name, str(value))
            for name, value in HParamsPluginData.FromString(
                session
            ).session_start_info.hparams.items()
        ),
    }


def fail(*_: object, **__: object) -> None:
    raise RuntimeError("out of luck")


@pytest.mark.parametrize("name", RUNS)
def test_cut_off_anywhere_nothing_is_missing_or_twice(name, train, finished, tmp_path, monkeypatch):
    (tmp_path / "book.txt").write_text("To be, or not to be, that is the question.\n" * 40)
    command = RUNS[name]
    whole = finished(*command)
    (tmp_path / "runs").rename(tmp_path / "whole")

    for number, place in enumerate(PLACES[name]):
        more = ["--ckpt_path=last"] if number else []
        with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="out of luck"):
            patch.setattr(place, fail)
            train(*command, *more)
        assert not list((tmp_path / "runs").rglob("result.json"))
    parts = finished(*command, "--ckpt_path=last")

    assert parts.keys() == whole.keys()
    for key, value in whole.items():
        assert parts[key] == value, key
    if name == "writer":
        assert [step for step, _ in whole["sample/text_summary"]] == [0, 2, 4, 6]
        assert len([line for line in whole["samples.md"].splitlines() if b"%" in line]) == 4
        return
    assert {"figures/confusion", "figures/hidden_layer/after training"} <= whole.keys()
    assert "projector_config.pbtxt" in whole
    # Trained on, it has had no other end.
    more = finished(*command, "--ckpt_path=last", "--trainer.max_steps=12")
    for tag in ("result/steps", "figures/accuracy", "figures/confusion"):
        assert [step for step, _ in more[tag]] == [12], tag
