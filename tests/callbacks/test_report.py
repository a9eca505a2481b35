"""What a finished run leaves behind: result.json, the HParams tab and the figure."""

from __future__ import annotations

import errno
import io
import json
import platform

import pytest
import pytorch_lightning
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from callbacks import (
    Checkpoints,
    Convergence,
    Curves,
    Interruption,
    Patience,
    Report,
    RunLogger,
)
from figures.curves import draw_accuracy
from tests.conftest import QUICK, ROOT


@pytest.fixture
def run(train, small, tmp_path):
    """A small LSTM, logged at every step; its folder."""

    def run(*flags):
        command = ["--model=LSTM", *small, "--trainer.log_every_n_steps=1", *flags]
        assert train(*command).code == 0
        return tmp_path / "runs/palindromes/LSTM/small"

    return run


def hparams_of(folder):
    """The settings of a run that TensorBoard's HParams tab shows, and its columns of numbers."""
    values = plugin_data(folder, "session_start_info").session_start_info.hparams
    found = {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()}
    experiment = plugin_data(folder.parent.parent, "experiment").experiment
    return found, [info.name.tag for info in experiment.metric_infos]


def plugin_data(folder, name):
    events = EventAccumulator(str(folder))
    events.Reload()
    content = events.summary_metadata[f"_hparams_/{name}"].plugin_data.content
    return HParamsPluginData.FromString(content)


def best_validation(curves):
    """The validation of the highest accuracy, and of these the one of the lowest loss."""
    losses = dict(curves["loss/validation"])
    accuracy, negative, step = max(
        (accuracy, -losses[step], -step) for step, accuracy in curves["accuracy/validation"]
    )
    return {"step": -step, "accuracy": accuracy, "loss": -negative}


CONVERGING = ["--convergence.threshold=0.95", "--convergence.window=3", "--trainer.max_steps=999"]


@pytest.mark.parametrize("converging", [False, True])
def test_result_is_what_the_curves_show(run, curves_of, result_of, converging):
    folder = run("--seed_everything=3", *(CONVERGING if converging else []))
    result, curves = result_of(folder), curves_of(folder)
    window = 3 if converging else 5
    accuracies = [value for _, value in curves["accuracy/train"]]
    means = {
        step: sum(accuracies[step - window : step]) / window
        for step in range(window, len(accuracies) + 1)
    }
    best = max(means.values())

    seconds, speed = result.pop("seconds"), result.pop("steps_per_second")
    hparams = result.pop("hparams")
    assert result == {
        "model": "LSTM",
        "length": 4,
        "seed": 3,
        "parameters": 4 * (8 * 8 + 10 * 8 + 8) + 10 * 9,
        "window": window,
        "threshold": 0.95 if converging else 1.0,
        "best_accuracy": pytest.approx(best),
        "step_of_best": min(step for step, mean in means.items() if mean >= best - 1e-9),
        "steps_to_converge": len(accuracies) if converging else None,
        "stopped_early": None,
        "validation": {
            name: pytest.approx(curves[f"{name}/validation"][-1][1])
            for name in ("accuracy", "loss")
        },
        "best_validation": pytest.approx(best_validation(curves)),
        "stages": None,
        "gradients": {"overflowed": 0, "skipped": 0},
        "steps": len(accuracies),
        "devices": 1,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "pytorch_lightning": pytorch_lightning.__version__,
        },
    }
    if converging:
        assert best >= 0.95 and len(accuracies) < 999
    else:
        assert len(accuracies) == 60
    assert 0 < seconds < 60
    assert speed == pytest.approx(len(accuracies) / seconds, rel=0.01)
    expected = {"seed": 3, "model": "LSTM", "hidden_size": 8, "lr": 0.01, "encoding": "one_hot"}
    assert {name: hparams[name] for name in expected} == expected


def test_hparams_tab(run, curves_of, result_of):
    folder = run()
    hparams, metrics = hparams_of(folder)
    result = result_of(folder)
    for name in ("model", "encoding", "hidden_size", "lr", "batch_size", "length"):
        assert hparams[name] == result["hparams"][name], name
    assert "result/best_accuracy" in metrics and "result/steps_to_converge" not in metrics
    steps = result["steps"]
    expected = [(steps, pytest.approx(result["best_accuracy"]))]
    assert curves_of(folder)["result/best_accuracy"] == expected


def test_hparams_tab_of_a_converged_run(run, curves_of, result_of):
    folder = run(*CONVERGING)
    _, metrics = hparams_of(folder)
    assert set(metrics) >= {"result/best_accuracy", "result/steps_to_converge"}
    steps = result_of(folder)["steps_to_converge"]
    assert curves_of(folder)["result/steps_to_converge"] == [(steps, steps)]


def test_figure_of_the_accuracy(run):
    events = EventAccumulator(str(run()))
    events.Reload()
    assert events.Tags()["images"] == ["figures/accuracy"]
    (image,) = events.Images("figures/accuracy")
    assert image.step == 60
    picture = Image.open(io.BytesIO(image.encoded_image_string))
    assert picture.size == (700, 400)
    assert len(picture.convert("RGB").getcolors(10**6)) > 10


def unwritten(folder):
    """Checkpoints that are not among the callbacks, and have seen no validation."""
    return Checkpoints(folder / "checkpoints", Interruption(), {})


@pytest.fixture
def reported(fit, scripted, tmp_path):
    """Train a scripted network with a report; the trainer."""

    def reported(accuracies=(), **settings):
        convergence = Convergence()
        curves = Curves(convergence)
        hparams = {"seed": 1, "lr": 0.1}
        file, checkpoints = tmp_path / "run/result.json", unwritten(tmp_path)
        report = Report(file, tmp_path, hparams, convergence, Patience(), curves, checkpoints)
        return fit(scripted(accuracies), convergence, curves, report, **settings)

    return reported


def test_result_without_logger_or_validation(reported, result_of, tmp_path):
    reported([0.5, 1.0, 0.5, 1.0, 1.0, 1.0], max_steps=6)
    result = result_of(tmp_path / "run")
    assert (result["best_accuracy"], result["step_of_best"]) == (0.9, 6)
    assert result["validation"] == result["best_validation"] == {}
    assert result["steps_to_converge"] is None
    assert result["hparams"] == {"seed": 1, "lr": 0.1} and result["seed"] == 1


def test_what_is_no_number_is_null(fit, scripted, tmp_path):
    convergence, checkpoints = Convergence(), unwritten(tmp_path)
    curves = Curves(convergence)
    report = Report(
        tmp_path / "result.json", tmp_path, {}, convergence, Patience(), curves, checkpoints
    )
    model = scripted(validations=[(0.5, float("nan"))])
    fit(model, convergence, curves, report, limit_val_batches=1, val_check_interval=5)
    text = (tmp_path / "result.json").read_text()
    assert json.loads(text)["validation"] == {"accuracy": 0.5, "loss": None}
    assert "NaN" not in text


def test_a_run_too_short_to_average(reported, result_of, tmp_path):
    reported([1.0] * 4, max_steps=4)
    result = result_of(tmp_path / "run")
    assert result["best_accuracy"] is None and result["step_of_best"] is None
    assert result["steps_to_converge"] is None and result["steps"] == 4


def test_hparams_tab_of_a_run_too_short_to_average(reported, tmp_path):
    reported(max_steps=4, logger=RunLogger(tmp_path / "model/run"))
    hparams, _ = hparams_of(tmp_path / "model/run")
    assert hparams == {"seed": 1, "lr": 0.1}


def test_written_whole_or_not_at_all(reported, tmp_path, monkeypatch):
    def fail(result, file, **options):
        file.write(json.dumps(result)[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("callbacks.report.json.dump", fail)
        reported(max_steps=2)
    assert not (tmp_path / "run/result.json").exists()

    reported(max_steps=2)
    assert json.loads((tmp_path / "run/result.json").read_text())["steps"] == 2
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["result.json"]


def test_not_before_the_run_has_ended(fit, scripted, tmp_path):
    file = tmp_path / "result.json"
    convergence = Convergence()
    curves = Curves(convergence)

    def look(number):
        assert not file.exists()
        if number == 3:
            raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        report = Report(file, tmp_path, {}, convergence, Patience(), curves, unwritten(tmp_path))
        fit(scripted(at_batch=look), convergence, curves, report)
    assert not file.exists()


def test_a_run_that_ended_before_its_report_gets_one_when_resumed(reported, tmp_path):
    file, checkpoint = tmp_path / "run/result.json", tmp_path / "end.ckpt"
    reported(max_steps=3).save_checkpoint(checkpoint)
    first = file.read_bytes()
    modified = file.stat().st_mtime_ns
    reported(max_steps=3, ckpt_path=checkpoint)
    assert file.stat().st_mtime_ns == modified

    file.unlink()
    reported(max_steps=3, ckpt_path=checkpoint)
    without_time = [
        {key: value for key, value in json.loads(text).items() if "second" not in key}
        for text in (first, file.read_bytes())
    ]
    assert without_time[0] == without_time[1]


def test_a_converged_run_that_is_resumed_keeps_its_report(reported, tmp_path):
    file, checkpoint = tmp_path / "run/result.json", tmp_path / "end.ckpt"
    trainer = reported([1.0] * 5, max_steps=50)
    assert trainer.global_step == 5
    trainer.save_checkpoint(checkpoint)
    modified = file.stat().st_mtime_ns
    assert reported(max_steps=50, ckpt_path=checkpoint).global_step == 5
    assert file.stat().st_mtime_ns == modified


def test_a_run_resumed_after_its_last_validation_still_has_it(fit, scripted, result_of, tmp_path):
    settings = {"limit_val_batches": 1, "val_check_interval": 2}

    def training(**more):
        convergence = Convergence()
        curves = Curves(convergence)
        checkpoints = unwritten(tmp_path)
        report = Report(
            tmp_path / "result.json", tmp_path, {}, convergence, Patience(), curves, checkpoints
        )
        model = scripted(validations=[(0.75, 1.0)])
        return fit(model, convergence, curves, report, checkpoints, **settings, **more)

    checkpoint = tmp_path / "cut.ckpt"
    training(max_steps=2).save_checkpoint(checkpoint)
    training(max_steps=3, ckpt_path=checkpoint)
    result = result_of(tmp_path)
    assert result["validation"] == {"accuracy": 0.75, "loss": 1.0}
    assert result["best_validation"] == {"step": 2, "accuracy": 0.75, "loss": 1.0}


# Of graphs, whose validations measure the test nodes too


@pytest.fixture
def graph_run(train, tmp_path):
    """A small run on the karate club; its folder."""

    def graph_run(*flags):
        command = [f"--config={ROOT / 'configs/graphs.yaml'}", *QUICK]
        command += ["--trainer.val_check_interval=1", "--trainer.log_every_n_steps=1", *flags]
        assert train(*command).code == 0
        return tmp_path / "runs/graphs/GCN/small"

    return graph_run


def test_the_result_has_the_test_nodes_at_the_best_validation(graph_run, curves_of, result_of):
    folder = graph_run("--early_stopping.patience=3", "--trainer.max_steps=200")
    result, curves = result_of(folder), curves_of(folder)
    losses = [loss for _, loss in curves["loss/validation"]]
    best = losses.index(min(losses)) + 1
    names = {
        "loss": "loss/validation",
        "accuracy": "accuracy/validation",
        "test_loss": "loss/test",
        "test_accuracy": "accuracy/test",
    }

    def at(step):
        return {name: pytest.approx(dict(curves[tag])[step]) for name, tag in names.items()}

    assert result["best_validation"] == {"step": best, **at(best)}
    assert result["validation"] == at(len(losses))
    assert result["steps"] == len(losses) == best + 3 < 200
    assert result["stopped_early"] == "no lower loss/validation in 3 validations"
    _, metrics = hparams_of(folder)
    assert "result/test_accuracy" in metrics
    steps = len(losses)
    for tag, name in (
        ("test_accuracy", "accuracy/test"),
        ("best_validation_loss", "loss/validation"),
    ):
        ((step, value),) = curves[f"result/{tag}"]
        assert step == steps and value == pytest.approx(dict(curves[name])[best])


def test_a_run_that_was_not_stopped_early_does_not_say_so(graph_run, result_of):
    result = result_of(graph_run("--trainer.max_steps=5"))
    assert result["stopped_early"] is None and result["steps"] == 5


def test_the_figure_has_all_accuracies(graph_run, curves_of, monkeypatch):
    drawn = {}

    def note(curves, title, chance):
        drawn.update(curves=curves, chance=chance)
        return draw_accuracy(curves, title, chance)

    monkeypatch.setattr("callbacks.report.draw_accuracy", note)
    curves = curves_of(graph_run("--trainer.max_steps=9", "--trainer.val_check_interval=4"))
    tags = {
        "training": "accuracy/train",
        "moving average": "accuracy/moving_average",
        "validation": "accuracy/validation",
        "test": "accuracy/test",
    }
    assert set(drawn["curves"]) == set(tags) and drawn["chance"] == 1 / 4
    for name, (steps, values) in drawn["curves"].items():
        expected = curves[tags[name]]
        assert steps == [step for step, _ in expected]
        assert values == pytest.approx([value for _, value in expected])
    assert drawn["curves"]["test"][0] == [4, 8]


def test_a_run_that_has_been_moved_leaves_its_new_neighbours_alone(run, train, tmp_path):
    place = tmp_path / "elsewhere/place"
    place.mkdir(parents=True)
    events = place.parent / "events.out.tfevents.1.somebody"
    events.write_bytes(b"")
    moved = run().rename(place / "moved")
    assert train("fit", f"--ckpt_path={moved}", "--trainer.max_steps=70").code == 0
    assert sorted(place.parent.iterdir()) == [events, place]
