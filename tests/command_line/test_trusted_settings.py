"""A stranger's checkpoint runs nothing: what its settings name is judged before it is imported."""

from __future__ import annotations

import copy
import shlex
import sys
import typing

import pytest
import torch

from command_line.errors import UsageError
from command_line.trusted_settings import OF_A_TRAINING, is_plain, trusted

# Its classes stay in memory, but are not among those that can be chosen by their names alone.
PLANTED = """\
from pathlib import Path
Path("marker").touch()
from pytorch_lightning import Callback
from torch.optim import Adam
from lightning_modules import RRN
class Planted(Callback): pass
class _Optimiser(Adam): pass
class _Model(RRN): pass
def called(*args): pass
"""
LAMBDA = "pytorch_lightning.callbacks.LambdaCallback"
# What the Trainer has beside.
OTHERS = {"max_time": None, "devices": "auto", "gradient_clip_val": 10.0}


def lambda_callback(text):
    return {"class_path": LAMBDA, "init_args": {"on_fit_start": text, "setup": text}}


# Dotted settings of a checkpoint, and what the one line says of them.
MALICIOUS = {
    "a function in a callback": (
        {"trainer.callbacks": [lambda_callback("os.system")]},
        "os.system",
    ),
    "outside of a list": ({"trainer.callbacks": lambda_callback("os.system")}, "os.system"),
    "a callback of a stranger's": (
        {"trainer.callbacks": [{"class_path": "planted.Planted"}]},
        "planted.Planted",
    ),
    "a callback by its name alone": ({"trainer.callbacks": "planted.Planted"}, "planted.Planted"),
    "as text in YAML": (
        {"trainer.callbacks": "[{class_path: planted.Planted}]"},
        "names trainer.callbacks",
    ),
    "in a file beside it": ({"trainer.callbacks": "beside"}, "names trainer.callbacks beside"),
    "another's in a known package": (
        {"trainer.callbacks": [{"class_path": "callbacks.report.Path"}]},
        "callbacks.report.Path",
    ),
    "a plugin": ({"trainer.plugins": [{"class_path": "planted.Planted"}]}, "planted.Planted"),
    "a profiler": ({"trainer.profiler": {"class_path": "planted.Planted"}}, "planted.Planted"),
    "a logger": ({"trainer.logger": {"class_path": "planted.Planted"}}, "planted.Planted"),
    "a strategy": ({"trainer.strategy": {"class_path": "planted.Planted"}}, "planted.Planted"),
    "an accelerator": ({"trainer.accelerator": "planted.Planted"}, "planted.Planted"),
    "a strategy within a strategy": (
        {
            "trainer.strategy": {
                "class_path": "pytorch_lightning.strategies.DDPStrategy",
                "init_args": {"ddp_comm_hook": "planted.called"},
            }
        },
        "planted.called",
    ),
    "a class within a callback": (
        {
            "trainer.callbacks": [
                {
                    "class_path": "pytorch_lightning.callbacks.EarlyStopping",
                    "init_args": {"monitor": {"class_path": "planted.Planted"}},
                }
            ]
        },
        "planted.Planted",
    ),
    "what has no annotation": (
        {
            "trainer.profiler": {
                "class_path": "pytorch_lightning.profilers.PyTorchProfiler",
                "dict_kwargs": {"on_trace_ready": "planted.called"},
            }
        },
        "planted.called",
    ),
    "an optimiser": ({"optimizer.class_path": "planted._Optimiser"}, "planted._Optimiser"),
    "an optimiser that is none": (
        {"optimizer.class_path": "torch.optim.swa_utils.AveragedModel"},
        "",
    ),
    "a schedule": (
        {
            "lr_scheduler": {
                "class_path": "torch.optim.lr_scheduler.LambdaLR",
                "init_args": {"lr_lambda": "planted.called"},
            }
        },
        "planted.called",
    ),
    "a model that is none": ({"model.class_path": "subprocess.Popen"}, "model subprocess.Popen"),
    "a function as a model": ({"model.class_path": "os.system"}, "model os.system"),
    "a module of Python's": ({"model.class_path": "antigravity.Model"}, "model antigravity.Model"),
    "data that are none": ({"data.class_path": "torch.utils.data.DataLoader"}, "CountedData"),
    "beside a class": ({"model.encoding": {"class_path": "planted.Planted"}}, "has more in model"),
    "a class within a model": (
        {"model.init_args.initialization": {"class_path": "planted.Planted"}},
        "planted.Planted",
    ),
    "a class within data": (
        {"data.init_args.curriculum": {"class_path": "planted.Planted"}},
        "planted.Planted",
    ),
    "in place of a group": ({"convergence": {"class_path": "planted.Planted"}}, "class_path"),
    "a group in a file": ({"trainer": "beside"}, "trainer 'beside', which is no group"),
    "a model in a file": ({"model": "beside"}, "model 'beside', which is no group"),
    "another config": ({"config": "beside"}, "has a setting 'config'"),
    "where to write": ({"output": "beside"}, "has a setting 'output'"),
    "a key that adds": (
        {"trainer.callbacks+": ["x"]},
        "'callbacks+' in trainer, which is no setting",
    ),
}

# What the line says of them to who trusts them.
ADVICE = {
    "a callback of a stranger's": ["--trainer.callbacks", '[{"class_path": "planted.Planted"}]'],
    "an accelerator": ["--trainer.accelerator", "planted.Planted"],
    "an optimiser": ["--optimizer", "planted._Optimiser"],
    "a schedule": ["--lr_scheduler.lr_lambda", "planted.called"],
}


def changed(config, changes):
    """The same with other settings."""
    made = copy.deepcopy(config)
    for dotted, value in changes.items():
        *groups, name = dotted.split(".")
        place = made
        for group in groups:
            place[group] = place.get(group) or {}
            place = place[group]
        place[name] = value
    return made


@pytest.fixture(scope="module")
def config():
    """As a training writes it, as far as it matters."""
    return {
        "seed_everything": 0,
        "threads": None,
        "trainer": {"accelerator": "cpu", "strategy": "auto", "precision": "32-true", **OTHERS},
        "model": {"class_path": "lightning_modules.RRN", "init_args": {"initialization": "a.b"}},
        "data": {
            "class_path": "datamodules.Palindromes",
            "init_args": {"length": 4, "curriculum": {"start": 3, "growth": 1.25}},
        },
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"betas": [0.9, 0.99]}},
        "lr_scheduler": None,
        "samples": {"fractions": [0, 1], "prompt": "a.b: {c}"},
        "run": {"root": "~/runs", "experiment": "a.b", "name": None},
    }


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A module of a stranger's in the working folder, where it may be imported."""
    (tmp_path / "planted.py").write_text(PLANTED)
    (tmp_path / "beside").write_text("class_path: planted.Planted\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "last.ckpt"
    sys.modules.pop("planted", None)


@pytest.mark.parametrize("kind", MALICIOUS)
def test_nothing_is_imported_or_called(kind, planted, config):
    changes, words = MALICIOUS[kind]
    with pytest.raises(UsageError) as error:
        trusted(changed(config, changes), planted, trains=True, flags=["--threads=1"])
    assert words in str(error.value) and str(planted) in str(error.value)
    assert "planted" not in sys.modules and not planted.with_name("marker").exists()
    assert "antigravity" not in sys.modules


def test_a_network_is_measured_without_what_belongs_to_its_training(planted, config):
    named = {f"trainer.{name}": {"class_path": "planted.Planted"} for name in OF_A_TRAINING}
    kept = trusted(changed(config, named), planted, trains=False, flags=[])
    assert kept == config and "planted" not in sys.modules


PLAIN = [
    {},
    {"trainer.strategy": "ddp_find_unused_parameters_true", "trainer.max_time": "00:01:00:00"},
    {"trainer.profiler": "simple", "trainer.default_root_dir": "a.b/c"},
    {"trainer.callbacks": [lambda_callback(None), {"class_path": "callbacks.Patience"}]},
    {
        "trainer.callbacks": {
            "class_path": "pytorch_lightning.callbacks.RichProgressBar",
            "init_args": {
                "refresh_rate": 1,
                "theme": {"progress_bar": "#6206E0", "time": "grey54"},
            },
        }
    },
    {
        "trainer.callbacks": {
            "class_path": "pytorch_lightning.callbacks.ModelCheckpoint",
            "init_args": {"dirpath": "a.b", "monitor": "loss/validation"},
        }
    },
    {"trainer.strategy": {"class_path": "pytorch_lightning.strategies.DDPStrategy"}},
    {
        "lr_scheduler.class_path": "pytorch_lightning.cli.ReduceLROnPlateau",
        "lr_scheduler.init_args": {"monitor": "loss/validation", "mode": "min"},
    },
    {"model.class_path": "LSTM", "optimizer.class_path": "SGD"},
]


@pytest.mark.parametrize("changes", PLAIN, ids=lambda changes: ", ".join(changes) or "none")
def test_plain_settings_are_kept_as_they_are(changes, planted, config):
    config = changed(config, changes)
    # A folder that happens to be there is no file of settings.
    planted.with_name("auto").mkdir()
    assert trusted(config, planted, trains=True, flags=[]) == config


@pytest.mark.parametrize("kind", ADVICE)
def test_what_the_person_names_is_trusted(kind, planted, config):
    config = changed(config, MALICIOUS[kind][0])
    with pytest.raises(UsageError) as error:
        trusted(config, planted, trains=True, flags=[])
    flags = shlex.split(str(error.value).partition("name it yourself: ")[2])
    assert flags == ADVICE[kind]
    assert trusted(config, planted, trains=True, flags=flags) == config


def test_a_part_of_a_name_does_not_name_it(planted, config):
    config = changed(config, {"trainer.callbacks": [lambda_callback("os.system")]})
    flags = ["--trainer.callbacks=xos.system", "--run.name", "os.systems", "os.system.x"]
    with pytest.raises(UsageError, match=r"names trainer.callbacks.on_fit_start os\.system"):
        trusted(config, planted, trains=True, flags=flags)


def test_a_model_of_the_persons_own(planted, config):
    own = changed(config, {"model.class_path": "planted._Model"})
    assert trusted(own, planted, trains=True, flags=[]) == own
    assert "planted" in sys.modules


@pytest.mark.parametrize(
    "place",
    ["data.init_args", "data.dict_kwargs", "data.dict_kwargs.init_args", "data.init_args.inner"],
)
@pytest.mark.parametrize("flags", [[], ["--data.trust_dataset", "false"]])
def test_trust_is_not_taken_from_a_checkpoint(place, flags, planted, config):
    graph = {"class_path": "datamodules.Graph", "init_args": {"dataset": "a.b"}}
    config = changed({**config, "data": graph}, {f"{place}.num_workers": 0})
    trusting = changed(config, {f"{place}.trust_dataset": True})
    assert trusted(trusting, planted, trains=True, flags=flags) == config


def test_nor_from_within_a_list(planted, config):
    listed = changed(config, {"data.dict_kwargs.inner": [{"x": 1, "trust_dataset": True}]})
    kept = trusted(listed, planted, trains=True, flags=[])
    assert kept == changed(config, {"data.dict_kwargs.inner": [{"x": 1}]})


@pytest.mark.parametrize(
    ("hint", "plain"),
    [
        (str, True),
        (list[str], True),
        (typing.Dict[str, int] | None, True),  # noqa: UP006
        (typing.List, False),  # noqa: UP006
        (typing.Dict, False),  # noqa: UP006
        (typing.Sequence, False),
        (typing.Optional[typing.List], False),  # noqa: UP006, UP045
        (list, False),
        (list[typing.Any], False),
    ],
)
def test_texts_that_are_never_more(hint, plain):
    assert is_plain(hint) is plain


@pytest.mark.parametrize("command", ["fit", "test"])
def test_of_the_program(command, finished, planted, train, monkeypatch):
    file = finished / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(file, weights_only=True)
    for settings in (checkpoint["config"]["trainer"], checkpoint["hyper_parameters"]):
        settings["callbacks"] = [lambda_callback("planted.called")]
    checkpoint["hyper_parameters"]["_instantiator"] = "planted.called"
    for name in ("last", "best"):
        torch.save(checkpoint, file.with_name(f"{name}.ckpt"))
    outcome = train(command, "--ckpt_path", str(finished))
    assert "planted" not in sys.modules
    if command == "test":
        assert outcome.code == 0 and "accuracy" in outcome.out
    else:
        assert outcome.code == 2 and outcome.err.count("\n") == 1
        assert f"{file} names trainer.callbacks" in outcome.err
