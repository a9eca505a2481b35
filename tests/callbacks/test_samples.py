"""Samples at fractions of a training: when, in what table, and that the training goes on."""

from __future__ import annotations

import re

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks import Convergence, RunLogger, Samples
from callbacks.samples import as_code
from datamodules import Text
from generation import Writer
from lightning_modules import CharGenerator

BOOK = "a`b|c\nd" * 60


@pytest.fixture
def text(tmp_path):
    (tmp_path / "book.txt").write_text(BOOK)
    return Text(str(tmp_path / "book.txt"), length=9, batch_size=3, training_seed=0)


@pytest.fixture
def sampled(fit, text, tmp_path):
    """Train for 8 steps with samples; the callback and the model."""

    def sampled(*others, data=text, model=None, **settings):
        names = ("fractions", "length", "temperature", "prompt")
        options = {name: settings.pop(name) for name in names if name in settings}
        samples = Samples(tmp_path / "samples.md", **options)
        model = model or CharGenerator(hidden_size=4, num_classes=text.num_classes)
        fit(model, *others, samples, data=data, **{"max_steps": 8, **settings})
        return samples, model

    return sampled


def test_at_fractions_of_the_steps(sampled):
    assert list(sampled()[0].samples) == [0, 2, 4, 6, 8]
    assert list(sampled(fractions=[0.1, 0.9])[0].samples) == [1, 7]


def test_as_long_as_a_crop_or_as_told(sampled):
    assert {len(sample) for sample in sampled()[0].samples.values()} == {9}
    assert {len(sample) for sample in sampled(length=30)[0].samples.values()} == {30}


def test_of_accumulated_batches_only_whole_steps_count(sampled):
    samples, _ = sampled(accumulate_grad_batches=3)
    assert list(samples.samples) == [0, 2, 4, 6, 8]


def test_where_the_training_ends_early(sampled):
    stop = Convergence(window=1, threshold=1e-9)
    samples, _ = sampled(stop)
    assert list(samples.samples)[-1] == stop.converged_at < 8
    samples, _ = sampled(Convergence(window=1, threshold=1e-9), fractions=[0.0])
    assert list(samples.samples) == [0]


def test_the_last_sample_is_what_the_trained_network_writes(sampled, text):
    samples, model = sampled(temperature=0.7, prompt="ab")
    writer = Writer(model.network, text.vocabulary)
    again = "".join(row[0] for row in writer.write("ab", 9, temperature=0.7, seed=0))
    assert samples.samples[8] == again
    assert sampled(temperature=0)[0].samples[8] != again


def test_the_table(sampled, text, tmp_path):
    samples, _ = sampled()
    heading, _, settings, empty, *table = (tmp_path / "samples.md").read_text().splitlines()
    assert heading == f"# {text}" and settings == "Temperature 1." and empty == ""
    assert table[:2] == ["| trained | step | sample |", "|---:|---:|---|"]
    for row, (step, sample) in zip(table[2:], samples.samples.items(), strict=True):
        trained, number, shown = re.fullmatch(r"\| (\d+) % \| (\d) \| (`+ .* `+) \|", row).groups()
        assert (int(trained), int(number)) == (100 * step // 8, step)
        assert shown == as_code(sample)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("to be", "` to be `"),
        ("to\nbe\n", "` to↵be↵ `"),
        ("a|b", r"` a\|b `"),
        ("``quoted''", "``` ``quoted'' ```"),
    ],
)
def test_code_in_a_table(text, code):
    assert as_code(text) == code


def test_texts_for_tensorboard(sampled, tmp_path):
    samples, _ = sampled(logger=RunLogger(tmp_path / "run"))
    events = EventAccumulator(str(tmp_path / "run"), size_guidance={"tensors": 0})
    events.Reload()
    shown = events.Tensors("sample/text_summary")
    assert [event.step for event in shown] == [0, 2, 4, 6, 8]
    for event, sample in zip(shown, samples.samples.values(), strict=True):
        lines = event.tensor_proto.string_val[0].decode().splitlines()
        assert all(line.startswith("    ") for line in lines)
        assert "\n".join(line[4:] for line in lines) == sample


def test_a_diverged_network_does_not_end_the_training(sampled):
    model = CharGenerator(hidden_size=4, num_classes=len(set(BOOK)))
    with torch.no_grad():
        model.network.readout.bias.fill_(float("nan"))
    samples, _ = sampled(model=model)
    assert set(samples.samples.values()) == {"(the network's output is not finite)"}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"fractions": [0.5, 1.5]}, "fractions must be from 0 to 1, got 1.5"),
        ({"fractions": [-0.1]}, "fractions must be from 0 to 1, got -0.1"),
        ({"length": 0}, "length must be at least 1, got 0"),
        ({"temperature": -1.0}, "temperature must be at least 0, got -1.0"),
        ({"temperature": float("nan")}, "temperature must be at least 0, got nan"),
        ({"temperature": float("inf")}, "temperature must be at least 0, got inf"),
    ],
)
def test_wrong_settings_are_named(settings, complaint, tmp_path):
    with pytest.raises(ValueError, match=f"^samples.{complaint}$"):
        Samples(tmp_path / "samples.md", **settings)
