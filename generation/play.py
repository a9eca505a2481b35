"""A play: speakers drawn at random, each given one line to say."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from generation.writer import Writer


@dataclass(frozen=True)
class Cast:
    """Who speaks in a corpus, and how it is set.

    Args:
        cues: what stands in front of a speech, such as "HAMLET." or "ROMEO:", each once.
        after_cue: between a cue and its speech; if None, a line break behind a cue that ends with
            ":", and a space behind any other.
    """

    cues: Sequence[str] = ()
    after_cue: str | None = None

    def opening(self, cue: str) -> str:
        """What makes the network speak as `cue`."""
        if self.after_cue is not None:
            return cue + self.after_cue
        return cue + ("\n" if cue.endswith(":") else " ")

    def cue_of(self, name: str) -> str:
        """The cue of a speaker, whether named with the cue's ending or without it.

        A speaker that the corpus does not know gets the ending that most of its cues have.
        """
        if _ending(name):
            return name
        known = {cue.removesuffix(_ending(cue)).lower(): cue for cue in reversed(self.cues)}
        endings = Counter(map(_ending, self.cues)) or Counter(["."])
        return known.get(name.lower(), name + endings.most_common(1)[0][0])


def play(
    writer: Writer,
    cast: Cast,
    lines: int,
    *,
    seed: int = 1,
    temperature: float = 0.5,
    length: int = 100,
) -> Iterator[tuple[str, str]]:
    """Let the speakers of a cast talk.

    Each line is drawn by itself, from the cue of its speaker alone, all of them as one batch
    ("Recurrent Neural Networks and Graph Neural Networks", 2019, section 2).

    Args:
        writer: trained on plays.
        cast: whose cues are drawn from, evenly, with no speaker twice in a row if there are more.
        lines: how many.
        seed: of the speakers and of what they say.
        temperature: as in `draw_next`.
        length: most characters of a line.

    Returns:
        An iterator over cue and line; a line holds no line break, and is only empty if nothing
        but blanks was drawn.

    Raises:
        ValueError: an argument is out of its range, the cast is empty, or the writer's vocabulary
            lacks a character of a cue.
    """
    if lines < 1:
        raise ValueError(f"lines must be at least 1, got {lines}")
    if not cast.cues:
        raise ValueError("there must be at least 1 speaker")
    for cue in cast.cues:
        try:
            writer.encode(cast.opening(cue))
        except ValueError as error:
            raise ValueError(f"speaker {cue}: {error}") from None
    cues = draw_speakers(cast.cues, lines, seed)
    openings = [cast.opening(cue) for cue in cues]
    drawn = writer.write(openings, length, temperature=temperature, seed=seed)
    return zip(cues, _first_lines(drawn), strict=True)


def draw_speakers(cues: Sequence[str], lines: int, seed: int) -> list[str]:
    """Speakers of the lines, each drawn evenly from all but the last, if there are several.

    So who spoke before the last one may come back at once, and two speakers take turns.
    """
    # Not the module's own functions: these share one state with the whole program.
    source = random.Random(seed)
    drawn: list[str] = []
    for _ in range(lines):
        others = [cue for cue in cues if cue not in drawn[-1:]]
        drawn.append(source.choice(others or cues))
    return drawn


def _first_lines(drawn: Iterator[list[str]]) -> list[str]:
    """The first line of each text that is not blank, drawn no longer than all of them need."""
    texts: list[str] = []
    for row in drawn:
        # Blanks and line breaks before the first word make no line.
        texts = [
            (old + new).lstrip() for old, new in zip(texts or [""] * len(row), row, strict=True)
        ]
        if all("\n" in text for text in texts):
            break
    return [text.partition("\n")[0].rstrip() for text in texts]


def _ending(cue: str) -> str:
    found = re.search(r"\s*[.:;,!?…—–-]+$", cue)
    return found[0] if found else ""
