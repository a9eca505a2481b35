"""A writer from a checkpoint."""

from __future__ import annotations

import pytest
import torch
from pytorch_lightning import Trainer

from datamodules import Text
from generation import Cast, Writer, load_cast, load_writer
from layers import CELLS, CharacterNetwork
from lightning_modules import CharGenerator


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*LeafSpec")
def test_what_lightning_wrote(tmp_path):
    book = "ABBA: é\n" * 30
    (tmp_path / "book.txt").write_text(book, encoding="utf-8")
    text = Text(str(tmp_path / "book.txt"), length=5, batch_size=3)
    model = CharGenerator("GRU", hidden_size=8, num_layers=3, dropout=0.5, num_classes=6)
    trainer = Trainer(
        accelerator="cpu",
        max_steps=2,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, text)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    checkpoint = torch.load(tmp_path / "a.ckpt", weights_only=True)
    checkpoint["config"] = {"model": {"class_path": "lightning_modules.CharGenerator"}}
    writer = load_writer(checkpoint)
    expected = list(Writer(model.network, "\n :ABé").write("AB", 50, num_samples=2))
    assert list(writer.write("AB", 50, num_samples=2)) == expected
    assert load_cast(checkpoint) == Cast(("ABBA:",), " ")


@pytest.mark.parametrize("cell", CELLS)
def test_writes_as_the_network_that_was_saved(char_checkpoint, cell):
    saved = char_checkpoint(cell=cell)
    state = torch.get_rng_state()
    writer = load_writer(saved)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(0)
    network = CharacterNetwork(cell, len(writer.vocabulary), 8, num_layers=2)
    characters = torch.arange(6).reshape(3, 2)
    torch.testing.assert_close(writer.network(characters), network(characters), rtol=0, atol=0)
    assert not any(module.training for module in writer.network.modules())
    assert len(list(writer.write("a", 5))) == 5


def test_one_character(char_checkpoint):
    assert list(load_writer(char_checkpoint("🎭")).write("🎭", 2)) == [["🎭"]] * 2


@pytest.mark.parametrize(
    ("text", "cast"),
    [
        ({}, Cast()),
        ({"speakers": None}, Cast()),
        ({"speakers": ["A.", "B."]}, Cast(("A.", "B."))),
        ({"speakers": ["A:"], "after_cue": " "}, Cast(("A:",), " ")),
    ],
)
def test_cast(char_checkpoint, text, cast):
    assert load_cast(char_checkpoint(**text)) == cast


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("config", "it holds no config"),
        ("Text", "it holds no Text"),
        ("hyper_parameters", "it holds no hyper_parameters"),
        ("state_dict", "it holds no state_dict"),
    ],
)
def test_what_is_missing_is_named(char_checkpoint, key, message):
    incomplete = char_checkpoint()
    del incomplete[key]
    with pytest.raises(ValueError, match=f"^{message}$"):
        load_writer(incomplete)


def test_a_setting_is_missing(char_checkpoint):
    incomplete = char_checkpoint()
    del incomplete["hyper_parameters"]["cell"]
    with pytest.raises(ValueError, match="^it holds no hyper_parameters.cell$"):
        load_writer(incomplete)


@pytest.mark.parametrize("model", ["lightning_modules.RRN", "RRN", "CharGenerator.RRN"])
def test_another_model(char_checkpoint, model):
    other = char_checkpoint()
    other["config"]["model"]["class_path"] = model
    with pytest.raises(ValueError, match="^it is of model RRN: only a CharGenerator writes$"):
        load_writer(other)


def test_weights_of_another_size(char_checkpoint):
    other = char_checkpoint()
    other["hyper_parameters"]["hidden_size"] = 9
    with pytest.raises(ValueError, match="^its weights do not fit its settings: "):
        load_writer(other)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_training_that_diverged(char_checkpoint, value):
    diverged = char_checkpoint()
    diverged["state_dict"]["network.readout.bias"][1] = value
    with pytest.raises(ValueError, match="^its weights are not finite: "):
        load_writer(diverged)
