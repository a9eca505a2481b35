"""What is written is what the network says, and writing leaves no trace."""

from __future__ import annotations

import math

import pytest
import torch

from generation import Writer
from layers import CharacterNetwork


def written(writer: Writer, *arguments, **settings) -> list[str]:
    """The texts of all samples."""
    return list(map("".join, zip(*writer.write(*arguments, **settings), strict=True)))


def most_probable(writer: Writer, prompt: str, length: int) -> str:
    """Independent of `step` and of carried states: all that was said is read again each time."""
    text = prompt
    with torch.no_grad():
        for _ in range(length):
            numbers = torch.tensor([[writer.vocabulary.index(character)] for character in text])
            text += writer.vocabulary[int(writer.network(numbers)[0][-1, 0].argmax())]
    return text[len(prompt) :]


@pytest.mark.parametrize("prompt", ["a", "abc. de", "🎭é\n"])
def test_greedy_is_what_reading_everything_again_gives(writer, prompt):
    writer.network.eval()
    assert written(writer, prompt, 30, temperature=0) == [most_probable(writer, prompt, 30)]


def test_several_prompts_as_one_batch(writer):
    prompts = ["a", "abc. de", "", "🎭é\n"]
    alone = [written(writer, prompt, 25, temperature=0)[0] for prompt in prompts]
    assert written(writer, prompts, 25, temperature=0) == alone
    twice = written(writer, prompts, 25, temperature=0, num_samples=2)
    assert twice == [text for text in alone for _ in range(2)]


def test_samples_differ_and_the_seed_decides(writer):
    samples = written(writer, "a", 40, num_samples=5, seed=3)
    assert len(set(samples)) == 5 and {len(text) for text in samples} == {40}
    torch.manual_seed(9)
    assert written(writer, "a", 40, num_samples=5, seed=3) == samples
    assert not set(written(writer, "a", 40, num_samples=5, seed=4)) & set(samples)


def test_a_batch_is_drawn_as_one_by_one():
    """The first two characters of many samples against their probabilities."""
    torch.manual_seed(0)
    network = CharacterNetwork("GRU", 3, 4, initialization="torch").double()
    with torch.no_grad():
        network.readout.weight.mul_(8)
        first = network(torch.tensor([[1]]))[0][-1, 0].softmax(-1)
        second = [network(torch.tensor([[1], [c]]))[0][-1, 0].softmax(-1) for c in range(3)]
    samples = written(Writer(network, "abc"), "b", 2, num_samples=20_000)
    for i, one in enumerate("abc"):
        for j, other in enumerate("abc"):
            expected = 20_000 * float(first[i] * second[i][j])
            assert abs(samples.count(one + other) - expected) < 5 * math.sqrt(expected) + 1


@pytest.mark.parametrize("cold", [{"temperature": 1e-4}, {"top_k": 1}, {"top_p": 1e-6}], ids=str)
def test_settings_reach_the_drawing(writer, cold):
    assert written(writer, "a", 20, **cold) == written(writer, "a", 20, temperature=0)


def test_calls_of_the_network(recite):
    writer = recite("dea")
    writer.network.train()
    assert written(writer, "abcab", 4, num_samples=3) == ["dead"] * 3
    # The prompt in one call, then one step for all samples, but none behind the last character.
    assert writer.network.calls == [("forward", (5, 1), False), *[("step", (3,), False)] * 3]
    assert writer.network.training


def test_characters_come_one_by_one(recite):
    writer = recite("dea")
    characters = writer.write("a", 10**9)
    assert writer.network.calls == []
    assert [next(characters), next(characters)] == [["d"], ["e"]]
    assert len(writer.network.calls) == 2


@pytest.mark.parametrize("ends", ["finished", "left", "failed"])
def test_every_module_is_in_the_mode_in_which_it_was(writer, ends, monkeypatch):
    writer.network.train()
    writer.network.recurrent.layers[0].eval()
    before = [module.training for module in writer.network.modules()]
    characters = writer.write("abc", 3)
    next(characters)
    # Also in between, where it may be trained on.
    assert [module.training for module in writer.network.modules()] == before
    assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()
    if ends == "finished":
        list(characters)
    elif ends == "left":
        characters.close()
    else:
        monkeypatch.setattr(writer.network.readout, "forward", lambda hidden: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            next(characters)
    assert [module.training for module in writer.network.modules()] == before


def test_writing_does_not_change_training_by_a_bit(writer):
    def train(write: bool) -> list[torch.Tensor]:
        torch.manual_seed(1)
        network = CharacterNetwork("LSTM", 6, 8, dropout=0.5)
        optimizer = torch.optim.Adam(network.parameters())
        for _ in range(3):
            characters = torch.randint(6, (5, 4))
            if write:
                samples = Writer(network, "abcdef").write("ab", 5, num_samples=2)
                next(samples)
            loss = network(characters)[0].logsumexp(-1).mean()
            if write:
                next(samples)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return [*network.parameters(), torch.rand(3)]

    assert all(torch.equal(a, b) for a, b in zip(train(True), train(False), strict=True))


def test_dropout_is_off(writer):
    writer.network.train()
    while_training = written(writer, "abc", 30, temperature=0)
    writer.network.eval()
    assert written(writer, "abc", 30, temperature=0) == while_training


def test_an_empty_prompt_is_a_line_break():
    torch.manual_seed(0)
    writer = Writer(CharacterNetwork("RNN", 3, 8), "x\nz")
    empty, broken, other = (
        [written(writer, prompt, 20, seed=seed) for seed in range(20)] for prompt in ("", "\n", "x")
    )
    assert empty == broken != other


def test_an_empty_prompt_without_line_breaks_is_the_first_character():
    torch.manual_seed(0)
    writer = Writer(CharacterNetwork("RNN", 3, 8), "xyz")
    assert written(writer, "", 20) == written(writer, "x", 20)


def test_a_vocabulary_of_one_character():
    writer = Writer(CharacterNetwork("LSTM", 1, 4), "a")
    assert written(writer, "aaa", 5, num_samples=2, top_k=3, top_p=0.5) == ["aaaaa"] * 2


def test_encode():
    writer = Writer(CharacterNetwork("RNN", 6, 2), "e\u0301é🎭‍x")
    text = "é🎭e\u0301"
    assert writer.encode(text).tolist() == [2, 3, 0, 1]
    assert writer.encode(text).dtype == torch.int64
    assert writer.decode(writer.encode(text)) == text
    assert writer.encode("").tolist() == []
    assert writer.encode("x€é→", skip_unknown=True).tolist() == [5, 2]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ab€", "'€' (U+20AC)"),
        ("€a€→", "'€' (U+20AC), '→' (U+2192)"),
        ("👩‍🚀", "'👩' (U+1F469), '\\u200d' (U+200D), '🚀' (U+1F680)"),
        ("e\u0301", "'\u0301' (U+0301)"),
        ("a\rb", "'\\r' (U+000D)"),
        ("vwxyz", "'v' (U+0076), 'w' (U+0077), 'x' (U+0078) and 2 more"),
        ("\udce9", "'\\udce9' (U+DCE9)"),
    ],
)
def test_unknown_characters_are_named(recite, text, named):
    with pytest.raises(ValueError) as error:
        recite("a").write(["a", text], 3)
    assert str(error.value) == f"the vocabulary has no {named}"


def test_unknown_characters_are_skipped(recite):
    writer = recite("dea")
    assert written(writer, "a€b", 3, skip_unknown=True) == ["dea"]
    assert writer.network.calls[0][1] == (2, 1)
    assert written(writer, "€", 3, skip_unknown=True) == ["dea"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"length": 0}, "length must be at least 1, got 0"),
        ({"num_samples": 0}, "num_samples must be at least 1, got 0"),
        ({"temperature": -1.0}, "temperature must be a number from 0 upwards, got -1.0"),
        ({"top_k": 0}, "top_k must be at least 1, got 0"),
        ({"top_p": 2.0}, "top_p must be above 0 and at most 1, got 2.0"),
        ({"seed": -1}, "seed must be from 0 to 4294967295, got -1"),
        ({"seed": 2**32}, f"seed must be from 0 to 4294967295, got {2**32}"),
        ({"prompt": []}, "there must be at least 1 prompt"),
    ],
    ids=str,
)
def test_out_of_range_at_once(recite, settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        recite("a").write(**{"prompt": "a", "length": 3, **settings})


@pytest.mark.parametrize("vocabulary", ["", "aba"])
def test_what_is_no_vocabulary(vocabulary):
    with pytest.raises(ValueError, match="^a vocabulary names each of its characters once"):
        Writer(CharacterNetwork("RNN", 3, 2), vocabulary)


def test_a_vocabulary_of_another_network():
    with pytest.raises(ValueError, match="^the network predicts 3 characters, .* has 4$"):
        Writer(CharacterNetwork("RNN", 3, 2), "abcd")


def test_a_network_that_overflows(recite, monkeypatch):
    writer = recite("dea")
    characters = writer.write("a", 9)
    next(characters)
    monkeypatch.setattr(writer.network, "_logits", lambda state: torch.full((1, 9), math.nan))
    with pytest.raises(ValueError, match="^the network's output is not finite$"):
        next(characters)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu(writer):
    writer.network.double()
    texts = written(writer, ["a", "abc"], 30, num_samples=3)
    writer.network.cuda()
    assert written(writer, ["a", "abc"], 30, num_samples=3) == texts
