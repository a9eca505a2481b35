"""The configs that stand for more than one experiment."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line.arguments import DEFAULT_CONFIG


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
