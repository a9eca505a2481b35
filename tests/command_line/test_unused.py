"""Settings that would be taken and ignored are refused, with the flag that does what is wanted."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from command_line.errors import UsageError
from command_line.known_flags import groups
from command_line.unused import IN_EPOCHS, TRAINER, check_used

# What the Trainer does with these was tried out, one by one; a new one has to be as well.
AT_WORK = re.findall(
    r"\w+",
    "accelerator strategy devices num_nodes precision logger callbacks fast_dev_run max_epochs "
    "max_steps min_steps max_time limit_train_batches limit_val_batches limit_test_batches "
    "limit_predict_batches overfit_batches val_check_interval num_sanity_val_steps plugins "
    "log_every_n_steps enable_progress_bar enable_model_summary accumulate_grad_batches "
    "gradient_clip_val gradient_clip_algorithm deterministic benchmark inference_mode profiler "
    "detect_anomaly sync_batchnorm",
)


def callback(path: str, **settings: Any) -> dict[str, Any]:
    return {"trainer.callbacks": [{"class_path": path, "init_args": settings}]}


def of_lightning(name: str) -> dict[str, Any]:
    return callback(f"pytorch_lightning.callbacks.{name}")


PLATEAU = {"lr_scheduler": {"class_path": "pytorch_lightning.cli.ReduceLROnPlateau"}}
WRITER = {"model": {"class_path": "lightning_modules.CharGenerator", "init_args": {"cell": "RNN"}}}
IGNORED: dict[str, tuple[dict[str, Any], str]] = {
    "place": ({"trainer.default_root_dir": "x"}, "--run.root"),
    "checkpoints": ({"trainer.enable_checkpointing": True}, "--checkpoints.every_n_steps"),
    "hparams": ({"trainer.enable_autolog_hparams": True}, "TensorBoard is always told"),
    "registry": ({"trainer.model_registry": "x"}, "--ckpt_path"),
    "loaders": ({"trainer.reload_dataloaders_every_n_epochs": 1}, "the data of each step"),
    "sampler": ({"trainer.use_distributed_sampler": True}, "--data.batch_size"),
    "barebones": ({"trainer.barebones": True}, "--trainer.logger false"),
    "validation": ({"trainer.check_val_every_n_epoch": 2}, "--trainer.val_check_interval"),
    "least": ({"trainer.min_epochs": 1}, "--trainer.min_steps"),
    "clipping": (
        {"trainer.gradient_clip_val": None, "trainer.gradient_clip_algorithm": "value"},
        "--trainer.gradient_clip_val",
    ),
    "samples": ({"samples.length": 5}, "RRN writes no text, CharGenerator does"),
    "layers": (
        {**WRITER, "model.init_args.num_layers": 1, "model.init_args.dropout": 0.5},
        "model.num_layers is 1",
    ),
    "patience": ({"trainer.limit_val_batches": 0, "early_stopping.patience": 3}, "is validated"),
    "plateau": ({"trainer.val_check_interval": None, **PLATEAU}, "nothing is validated"),
    "a callback in place of a flag": (of_lightning("ModelCheckpoint"), "--checkpoints.every_n"),
    "a callback at epochs": (of_lightning("StochasticWeightAveraging"), "EMAWeightAveraging"),
    "a second bar": (of_lightning("TQDMProgressBar"), "--trainer.enable_progress_bar"),
    "a callback that needs a log": (
        {"trainer.logger": False, **of_lightning("LearningRateMonitor")},
        "--trainer.logger true",
    ),
    "a callback that waits for nothing": (
        callback("pytorch_lightning.callbacks.EarlyStopping", monitor="loss"),
        "loss is not measured; there are accuracy/validation, loss/validation",
    ),
    "another way to write checkpoints": (
        {"trainer.plugins": {"class_path": "lightning_fabric.plugins.TorchCheckpointIO"}},
        "the program writes checkpoints itself",
    ),
    "devices": ({"trainer.devices": 2, "trainer.strategy": "single_device"}, "takes one"),
    "gradients of gradients": ({"optimizer.init_args.differentiable": True}, "through a step"),
    "the middle of a schedule": (
        {"lr_scheduler": {"class_path": "StepLR", "init_args": {"last_epoch": 5}}},
        "--ckpt_path",
    ),
    "our own callback": (callback("callbacks.Patience"), "--early_stopping.patience"),
    "our own inner callback": (callback("callbacks.curves.Curves"), "the program makes it itself"),
}
WAITING = "pytorch_lightning.callbacks.EarlyStopping"
GRAPHS = {"model": {"class_path": "lightning_modules.GCN", "init_args": {}}}
USED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "epochs that end": {
        "trainer.limit_train_batches": 5,
        "trainer.min_epochs": 2,
        "trainer.check_val_every_n_epoch": 2,
    },
    "clipping": {
        "trainer.gradient_clip_algorithm": "value",
        "trainer.gradient_clip_val": 1.0,
    },
    "callback": of_lightning("EMAWeightAveraging"),
    "waiting for the test nodes of a graph": {**GRAPHS, **callback(WAITING, monitor="loss/test")},
    "waiting for what a model of one's own logs": {
        "model": {"class_path": f"{__name__}.Own", "init_args": {}},
        **callback(WAITING, monitor="f1/validation"),
    },
    "a callback of one's own": callback("mine.Alarm", monitor="temperature"),
    "a callback that waits for nothing in particular": callback(WAITING, monitor=None),
    "samples": {**WRITER, "samples.length": 5},
    "patience": {"early_stopping.patience": 3},
    "plateau": PLATEAU,
    "one batch to try": {
        "trainer.limit_val_batches": 0,
        "trainer.fast_dev_run": True,
        "early_stopping.patience": 3,
    },
}


class Own:
    """A model of somebody's own."""


# The settings of the first experiment, parsed once.
SETTINGS: dict[str, Any] = {}


@pytest.fixture
def changed(request):
    """The settings of the first experiment, but for some."""
    if not SETTINGS:
        SETTINGS.update(request.getfixturevalue("parse")().settings)

    def change(changes: dict[str, Any]) -> dict[str, Any]:
        config = copy.deepcopy(SETTINGS)
        for key, value in changes.items():
            *groups_above, name = key.split(".")
            group = config
            for each in groups_above:
                group = group[each]
            group[name] = copy.deepcopy(value)
        return config

    return change


@pytest.mark.parametrize("case", IGNORED)
def test_what_is_ignored_is_refused(case, changed):
    changes, says = IGNORED[case]
    config = changed(changes)
    with pytest.raises(UsageError, match="is of no use here: ") as refused:
        check_used(config, [], None)
    assert says in str(refused.value)
    # Who goes on with a run that has ignored it all the time is not stopped by it.
    check_used(config, [], config)
    with pytest.raises(UsageError):
        check_used(config, [], changed({}))


@pytest.mark.parametrize("case", USED)
def test_what_is_used_is_taken(case, changed):
    check_used(changed(USED[case]), [], None)


@pytest.mark.parametrize(
    ("case", "flag"),
    [("layers", "--model.num_layers=1"), ("clipping", "--trainer.gradient_clip_val=null")],
)
def test_one_run_of_a_grid_may_have_no_use_for_what_all_have(case, flag, changed):
    check_used(changed(IGNORED[case][0]), [flag], None)


def test_checkpoints_cannot_be_switched_off(changed):
    # It is off by default, and there are checkpoints all the same.
    with pytest.raises(UsageError, match="trainer.enable_checkpointing is of no use here"):
        check_used(changed({}), ["--trainer.enable_checkpointing=false"], None)


def test_every_setting_of_the_trainer_has_been_looked_at():
    known = set(groups()["trainer"])
    assert known == {*AT_WORK, *TRAINER, *IN_EPOCHS}


def test_refused_by_the_program(train, tmp_path):
    outcome = train("fit", "--trainer.default_root_dir=elsewhere")
    assert outcome.code == 2
    assert outcome.err == (
        "train.py: error: trainer.default_root_dir is of no use here: --run.root says where runs "
        "are kept\n"
    )
    assert not list(tmp_path.iterdir())
