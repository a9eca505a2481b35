"""The configs that stand for more than one experiment."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import yaml

from callbacks import Patience
from command_line.arguments import DEFAULT_CONFIG
from datamodules import Graph
from lightning_modules import GCN


@pytest.mark.parametrize("length", [30, 140, 340])
@pytest.mark.parametrize("corpus", ["shakespeare", "monte_cristo", "machado_de_assis"])
def test_the_studys_texts_and_crops_are_overrides_of_one_file(corpus, length, parse):
    config = str(DEFAULT_CONFIG.with_name("characters_study.yaml"))
    cli = parse("--config", config, "--data.corpus", corpus, "--data.length", str(length))
    settings = cli.config["fit"]
    assert settings.data.init_args.corpus == corpus and settings.data.init_args.length == length
    assert cli.folder.path.parent == Path("runs/characters_study/CharGenerator")
    network, step = settings.model.init_args, settings.lr_scheduler.init_args
    assert (network.cell, network.num_layers, network.hidden_size) == ("LSTM", 2, 128)
    assert (settings.data.init_args.batch_size, settings.data.init_args.reading) == (64, "random")
    assert (step.step_size, step.gamma, settings.optimizer.init_args.lr) == (5000, 0.96, 0.002)
    assert settings.trainer.gradient_clip_val == 5 and settings.trainer.max_steps == 10**6


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ([], "default"),
        (["--data.dataset=Cora"], "dataset=Cora"),
        (["--early_stopping.patience=null", "--trainer.max_steps=9"], "default"),
    ],
)
def test_the_recipe_of_kipf_and_welling(flags, name, parse):
    cli = parse("fit", "--config", str(DEFAULT_CONFIG.with_name("graphs.yaml")), *flags)
    settings = cli.config["fit"]
    assert cli.folder.path == Path("runs/graphs/GCN") / name
    network, optimizer = settings.model.init_args, settings.optimizer
    assert (network.num_layers, network.hidden_size, network.dropout) == (2, 16, 0.5)
    assert (network.bias, network.decayed_layers, network.initialization) == (False, 1, "xavier")
    assert optimizer.class_path == "torch.optim.Adam"
    assert (optimizer.init_args.lr, optimizer.init_args.weight_decay) == (0.01, 5e-4)
    data = settings.data.init_args
    assert (data.split, data.adjacency, data.normalize_features) == ("public", "symmetric", True)
    if not flags:
        assert settings.trainer.max_steps == 200 and settings.trainer.val_check_interval == 1
        assert settings.early_stopping.patience == 10
        assert settings.early_stopping.monitor == "loss/validation"


def test_every_key_of_the_graphs_is_visible():
    """What a network or its data may be set to stands in the file, but for what the data say."""
    config = yaml.safe_load(DEFAULT_CONFIG.with_name("graphs.yaml").read_text())
    for key, each in (("model", GCN), ("data", Graph)):
        settings = set(inspect.signature(each).parameters) - {"num_features", "num_classes"}
        assert set(config[key]["init_args"]) == settings
    assert set(config["early_stopping"]) == set(inspect.signature(Patience).parameters)
