"""Writing with a trained network, character by character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from generation.sampling import check_sampling, draw_next
from layers import CharacterNetwork, State

LARGEST_SEED = 2**32 - 1
MOST_NAMED = 3


class Writer:
    """A network that goes on where a text ends.

    Writing leaves no trace: neither the network nor torch's global random numbers change, and
    between two characters every module is in the mode in which it was found.

    Args:
        network: predicts each next character.
        vocabulary: all characters; the place of each is its number.

    Raises:
        ValueError: the vocabulary is empty or names a character twice, or is not of the network's
            size.
    """

    def __init__(self, network: CharacterNetwork, vocabulary: str) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self._numbers = {character: number for number, character in enumerate(vocabulary)}
        if len(self._numbers) != len(vocabulary) or not vocabulary:
            raise ValueError("a vocabulary names each of its characters once, and at least 1")
        if network.readout.out_features != len(vocabulary):
            raise ValueError(
                f"the network predicts {network.readout.out_features} characters, but the "
                f"vocabulary has {len(vocabulary)}"
            )

    def encode(self, text: str, skip_unknown: bool = False) -> Tensor:
        """The numbers of a text's characters, (T,) int64.

        Raises:
            ValueError: the vocabulary lacks characters, which are named, unless `skip_unknown`
                leaves them out.
        """
        unknown = dict.fromkeys(c for c in text if c not in self._numbers)
        if unknown and not skip_unknown:
            raise ValueError(f"the vocabulary has no {_named(list(unknown))}")
        return torch.tensor(
            [self._numbers[c] for c in text if c in self._numbers], dtype=torch.int64
        )

    def decode(self, numbers: Tensor) -> str:
        """The text of whole numbers (T,)."""
        return "".join(self.vocabulary[number] for number in numbers.tolist())

    def write(
        self,
        prompt: str | Sequence[str],
        length: int,
        *,
        num_samples: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        skip_unknown: bool = False,
    ) -> Iterator[list[str]]:
        """Go on where a prompt ends, or each of several, in several ways at once.

        Args:
            prompt: read first, in one go; an empty one is taken for a line break, or for the
                vocabulary's first character if there is no line break in it.
            length: characters to draw.
            num_samples: ways to go on from each prompt. All of them are drawn as one batch, the
                samples of a prompt next to each other.
            temperature, top_k, top_p: as in `draw_next`.
            seed: of the random numbers, from 0 to 4294967295.
            skip_unknown: leave out what the vocabulary lacks, rather than to raise.

        Returns:
            An iterator over the next character of each sample, which ends after `length` of them.

        Raises:
            ValueError: an argument is out of its range, or the vocabulary lacks a character of
                a prompt; or, once characters are drawn, the network's output is not finite.
        """
        check_sampling(temperature, top_k, top_p)
        for name, number in (("length", length), ("num_samples", num_samples)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}")
        if not 0 <= seed <= LARGEST_SEED:
            raise ValueError(f"seed must be from 0 to {LARGEST_SEED}, got {seed}")
        prompts = [prompt] if isinstance(prompt, str) else prompt
        if not prompts:
            raise ValueError("there must be at least 1 prompt")
        encoded = [self.encode(each, skip_unknown) for each in prompts]
        generator = torch.Generator().manual_seed(seed)

        # What is wrong is told at once, not when the first character is asked for.
        def characters() -> Iterator[list[str]]:
            logits, state = self._read(encoded, num_samples)
            for left in reversed(range(length)):
                drawn = draw_next(logits, temperature, top_k, top_p, generator)
                yield [self.vocabulary[number] for number in drawn.tolist()]
                if left:
                    logits, state = self._step(drawn, state)

        return characters()

    @torch.inference_mode()
    def _read(self, prompts: list[Tensor], copies: int) -> tuple[Tensor, State]:
        """Logits (N, V) after each of the prompts, and the state of all of them."""
        device = self.network.readout.weight.device
        start = torch.tensor([self._numbers.get("\n", 0)])
        all_logits, states = [], []
        with evaluating(self.network):
            # A play has many lines of few speakers.
            read: dict[tuple[int, ...], tuple[Tensor, State]] = {}
            for prompt in prompts:
                prompt = prompt if len(prompt) else start
                key = tuple(prompt.tolist())
                if key not in read:
                    read[key] = self.network(prompt.to(device).unsqueeze(1))
                logits, state = read[key]
                all_logits.append(logits[-1].expand(copies, -1))
                states.append([tensor.expand(copies, -1) for tensor in state])
        return torch.cat(all_logits), tuple(map(torch.cat, zip(*states, strict=True)))

    @torch.inference_mode()
    def _step(self, characters: Tensor, state: State) -> tuple[Tensor, State]:
        with evaluating(self.network):
            return self.network.step(characters.to(state[0].device), state)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """No dropout inside; afterwards every module is as it was, also where they differ."""
    training = [module for module in network.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _named(characters: list[str]) -> str:
    """Characters as they look and by their numbers, for those that do not look like much."""
    names = [f"{character!r} (U+{ord(character):04X})" for character in characters[:MOST_NAMED]]
    rest = len(characters) - MOST_NAMED
    return ", ".join(names) + (f" and {rest} more" if rest > 0 else "")
