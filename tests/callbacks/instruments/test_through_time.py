"""When an instrument measures, what it writes and draws, and what a run that goes on leaves."""

from __future__ import annotations

import csv
import io

import pytest
import torch
from PIL import Image
from pytorch_lightning import Callback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks import Convergence, RunLogger
from callbacks.instruments import GradientsThroughTime, Jacobians, Parameters, States
from datamodules import Palindromes
from lightning_modules import LSTM, RNN


def rows_of(folder, name):
    with (folder / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def steps_of(folder, name):
    return sorted({int(row["step"]) for row in rows_of(folder, name)})


@pytest.fixture
def watched(fit, tmp_path):
    """Train an RNN, watched; its folder of readings."""

    def watched(*callbacks, instrument=States, every=3, name="readings", **settings):
        folder = tmp_path / name
        torch.manual_seed(0)
        model = RNN(hidden_size=3)
        return folder, fit(model, instrument(folder, every, model), *callbacks, **settings)

    return watched


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"max_steps": 7}, [1, 3, 6, 8]),
        ({"max_steps": 6}, [1, 3, 6, 7]),
        ({"max_steps": 8}, [1, 3, 6, 9]),
        ({"max_steps": 2, "every": 1}, [1, 2, 3]),
        ({"max_steps": 7, "accumulate_grad_batches": 4}, [1, 3, 6, 8]),
        ({"max_steps": 7, "limit_train_batches": 5, "max_epochs": 9}, [1, 3, 6, 8]),
    ],
)
def test_at_the_first_step_every_so_many_and_at_the_end(watched, settings, steps):
    folder, _ = watched(**settings)
    assert steps_of(folder, "states") == steps


def test_where_a_run_stops_early(watched):
    stop = Convergence(window=1, threshold=1e-9)
    folder, trainer = watched(stop, max_steps=50, every=40)
    assert steps_of(folder, "states") == [1, stop.converged_at + 1]


def test_of_the_batch_of_its_step_before_the_update(watched, fit, tmp_path):
    """The last is of the step that comes next, which a longer run takes."""
    data = Palindromes(length=3, batch_size=12, evaluation_size=4, training_seed=0)
    folder, trainer = watched(max_steps=4, every=50, instrument=GradientsThroughTime)
    longer, _ = watched(max_steps=9, every=5, name="longer", instrument=GradientsThroughTime)
    last, same = (
        [row for row in rows_of(each, "gradients_through_time") if row["step"] == "5"]
        for each in (folder, longer)
    )
    assert last == same and len(last) == 3
    model = trainer.lightning_module
    (expected,) = GradientsThroughTime(tmp_path, 1, model).read(
        model, data.training_batches().batch(4)
    )
    for t, row in enumerate(last):
        values = expected["h"][t].double()
        for name, value in (
            ("mean", values.mean()),
            ("least", values.min()),
            ("greatest", values.max()),
        ):
            assert float(row[name]) == pytest.approx(float(value), rel=1e-8)
        assert (row["layer"], row["curve"], row["t"]) == ("1", "h", str(t + 1))


def test_of_accumulated_batches_the_first_slice(watched, tmp_path):
    folder, trainer = watched(max_steps=2, every=50, accumulate_grad_batches=3)
    batches = trainer.datamodule.training_batches(accumulate=3)
    model = trainer.lightning_module
    (expected,) = States(tmp_path, 1, model).read(model, batches.batch(6))
    assert expected["h"].shape == (3, 4)
    rows = [row for row in rows_of(folder, "states") if row["step"] == "3"]
    means = [float(row["mean"]) for row in rows]
    assert means == pytest.approx(expected["h"].mean(dim=1).tolist(), rel=1e-6)


def pictures(folder):
    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    return {
        tag: [event.step for event in events.Images(tag)] for tag in events.Tags().get("images", [])
    }


def test_pictures(watched, tmp_path):
    folder, _ = watched(max_steps=7, logger=RunLogger(tmp_path / "run"))
    assert pictures(tmp_path / "run") == {
        "figures/states/profile": [1, 3, 6, 8],
        "figures/states/map": [8],
    }
    for name in ("states.png", "states_map.png"):
        picture = Image.open(io.BytesIO((folder / name).read_bytes()))
        assert len(picture.convert("RGB").getcolors(10**6)) > 10


def test_without_tensorboard_there_are_files(watched):
    folder, _ = watched(max_steps=2, logger=False)
    assert sorted(file.name for file in folder.iterdir()) == [
        "states.csv",
        "states.png",
        "states_map.png",
    ]


def test_resumed_at_its_end_nothing_is_written(watched, tmp_path):
    folder, trainer = watched(max_steps=5)
    trainer.save_checkpoint(tmp_path / "end.ckpt")
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    watched(max_steps=5, ckpt_path=tmp_path / "end.ckpt", logger=RunLogger(tmp_path / "again"))
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("lost", ["picture", "picture and half of the last reading"])
def test_cut_off_at_its_very_end_it_is_finished_when_resumed(watched, tmp_path, lost):
    folder, trainer = watched(max_steps=5)
    trainer.save_checkpoint(tmp_path / "end.ckpt")
    whole = {file.name: file.read_bytes() for file in folder.iterdir()}
    (folder / "states.png").unlink()
    if "half" in lost:
        (folder / "states.csv").write_bytes(whole["states.csv"][:-20])
    watched(max_steps=5, ckpt_path=tmp_path / "end.ckpt")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == whole


def test_the_picture_of_fewer_steps_does_not_outlive_them(watched, tmp_path):
    folder, trainer = watched(max_steps=5)
    trainer.save_checkpoint(tmp_path / "end.ckpt")

    class Stop(Callback):
        def on_train_batch_end(self, *arguments):
            assert not (folder / "states.png").exists()
            raise KeyError

    with pytest.raises(KeyError):
        watched(Stop(), max_steps=9, ckpt_path=tmp_path / "end.ckpt")
    assert steps_of(folder, "states") == [1, 3, 6]


def test_a_diverged_network_is_drawn_too(fit, tmp_path):
    model = LSTM(hidden_size=3)
    torch.nn.init.constant_(model.recurrent.weight_hh, torch.nan)
    kinds = (GradientsThroughTime, Jacobians, States)
    instruments = [kind(tmp_path / "readings", 2, model) for kind in kinds]
    fit(model, *instruments, Parameters(tmp_path / "readings", 2))
    means = {row["mean"] for row in rows_of(tmp_path / "readings", "jacobians")}
    assert means == {"nan"}
    assert len(list((tmp_path / "readings").glob("*.png"))) == 7


def test_steps_below_1_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^watch\.states must be at least 1, got 0$"):
        States(tmp_path, 0, RNN(hidden_size=3))
