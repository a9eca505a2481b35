"""Cutting a text that comes piece by piece at a string that ends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Cutter:
    """Lets a text through up to the first `stop`, which is not part of it.

    Characters that may turn out to begin `stop` are held back until it is known. Without `stop`
    all passes.

    Raises:
        ValueError: `stop` is empty.
    """

    def __init__(self, stop: str | None) -> None:
        if stop == "":
            raise ValueError("stop must have at least 1 character")
        self.stop = stop
        self.stopped = False
        self._held = ""

    def feed(self, piece: str) -> str:
        """What may be shown once `piece` has come; nothing after the end."""
        if self.stopped or self.stop is None:
            return "" if self.stopped else piece
        text, found, _ = (self._held + piece).partition(self.stop)
        self.stopped = bool(found)
        self._held = "" if found else self._beginning_of_stop(text)
        return text.removesuffix(self._held)

    def finish(self) -> str:
        """What was held back, once nothing more comes."""
        held, self._held = self._held, ""
        return held

    def _beginning_of_stop(self, text: str) -> str:
        """The longest end of `text` that `stop` begins with."""
        assert self.stop is not None
        lengths = range(len(self.stop) - 1, 0, -1)
        return next((self.stop[:n] for n in lengths if text.endswith(self.stop[:n])), "")


def cut_each(pieces: Iterable[list[str]], stop: str | None) -> Iterator[list[str]]:
    """Cut texts that come side by side, piece by piece, each at its first `stop`.

    Args:
        pieces: of each text the next piece, again and again.
        stop: as in `Cutter`.

    Yields:
        Of each text what may be shown, "" where there is nothing; until all of them have ended.
    """
    cutters: list[Cutter] = []
    for row in pieces:
        cutters = cutters or [Cutter(stop) for _ in row]
        yield [cutter.feed(piece) for cutter, piece in zip(cutters, row, strict=True)]
        if all(cutter.stopped for cutter in cutters):
            return
    yield [cutter.finish() for cutter in cutters]
