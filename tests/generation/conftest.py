"""Networks small enough to be known: drawn at random, or made to say a given text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from generation import Writer
from layers import CharacterNetwork, State

LETTERS = "\n .:abcdeé🎭"


class Recitation(nn.Module):
    """In place of a CharacterNetwork: says a text again and again, whatever it has read.

    The state counts the characters said since the prompt, in which only `marks` matter: where one
    of them ends the prompt, its own text is said.
    """

    def __init__(self, vocabulary: str, text: str, marks: dict[str, str] | None = None) -> None:
        super().__init__()
        self.readout = nn.Linear(1, len(vocabulary))
        self.vocabulary = vocabulary
        self.texts = {"": text, **(marks or {})}
        self.calls: list[tuple[str, tuple[int, ...], bool]] = []

    def forward(self, characters: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        self.calls.append(("forward", (*characters.shape,), self.training))
        prompt = "".join(self.vocabulary[number] for number in characters[:, 0].tolist())
        which = max((i for i, mark in enumerate(self.texts) if prompt.endswith(mark)))
        state = (torch.tensor([[float(which), 0.0]]).expand(characters.shape[1], -1),)
        return self._logits(state).expand(len(characters), -1, -1), state

    def step(self, characters: Tensor, state: State) -> tuple[Tensor, State]:
        self.calls.append(("step", (*characters.shape,), self.training))
        state = (state[0] + torch.tensor([0.0, 1.0]),)
        return self._logits(state), state

    def _logits(self, state: State) -> Tensor:
        texts = list(self.texts.values())
        said = [texts[int(which)][int(place) % len(texts[int(which)])] for which, place in state[0]]
        places = torch.tensor([self.vocabulary.index(character) for character in said])
        return 1e4 * torch.eye(len(self.vocabulary))[places]


@pytest.fixture
def recite() -> Callable[..., Writer]:
    """A writer that says a given text whatever the temperature."""

    def make(text: str, vocabulary: str = LETTERS, **marks: Any) -> Writer:
        network: Any = Recitation(vocabulary, text, **marks)
        return Writer(network, vocabulary)

    return make


@pytest.fixture(params=["RNN", "LSTM", "RRN", "GRU"])
def writer(request) -> Writer:
    """Of each cell an untrained writer whose weights are large enough to have preferences."""
    torch.manual_seed(0)
    network = CharacterNetwork(request.param, len(LETTERS), 16, num_layers=2, dropout=0.5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    return Writer(network, LETTERS)
