"""Texts to train on: from the name of a corpus, or a path, to its characters.

A named corpus is looked for at `$DATA_ROOT/text/NAME.txt`, and downloaded to there once if it is
missing. Without DATA_ROOT, that is a folder of the user's cache.
"""

from __future__ import annotations

import difflib
import io
import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datamodules.downloads import DownloadError, data_root, download, make_folder
from storage import texts
from storage.files import read_at_most

# The most bytes of a text: turning it into numbers takes some ten times as much memory.
LARGEST = 10**9
# Comes with Python, and changes with its versions.
BUILT_IN = "python_docs"


@dataclass(frozen=True)
class Source:
    """Where a named corpus comes from.

    Args:
        url: of the file that is downloaded.
        extract: from the bytes of this file to the text; a ValueError says what is wrong.
        known_hash: of this file, where it never changes; SHA-256, or named as in "md5:...".
    """

    url: str
    extract: Callable[[bytes], str]
    known_hash: str | None = None


def read_corpus(corpus: str) -> str:
    """The text of a corpus, every line ending in a line feed and nothing else changed.

    Args:
        corpus: one of `NAMES`, or the path to a text file in UTF-8.

    Raises:
        ValueError: there is no such corpus, it cannot be had, or it is not a text; one line.
    """
    if corpus == BUILT_IN:
        from pydoc_data.topics import topics

        return "\n".join(topics[name] for name in sorted(topics))
    if corpus in SOURCES:
        path = data_root() / "text" / f"{corpus}.txt"
        if not path.exists():
            _download(corpus, path)
        content = _read(path)
        text = decode(content, str(path))
        # Put there by hand, it may still have what Project Gutenberg prints around its books.
        return extract_gutenberg(content) if _START.search(text) else text
    elif not corpus:
        raise ValueError(f"corpus must be a file or one of {', '.join(NAMES)}")
    else:
        path = Path(os.path.expanduser(corpus))
        # Not Path.exists, which fails where a name is too long to be one of a file.
        if not os.path.exists(path):
            raise ValueError(_unknown(corpus))
    return decode(_read(path), str(path))


def decode(content: bytes, name: str) -> str:
    """The text of a file, as `storage.texts.decode` has it.

    Raises:
        ValueError: the file is empty, or not in UTF-8; one line.
    """
    text = texts.decode(content, name)
    if not text:
        raise ValueError(f"{name} is empty")
    return text


_START = re.compile(r"^\*\*\* ?START OF .*\n", re.MULTILINE)


def extract_gutenberg(content: bytes) -> str:
    """The book between the START and END lines of Project Gutenberg."""
    text = decode(content, "the book")
    start = _START.search(text)
    end = re.search(r"^\*\*\* ?END OF ", text, re.MULTILINE)
    if not start or not end or end.start() < start.end():
        raise ValueError("the book has no lines '*** START OF ...' and '*** END OF ...'")
    return text[start.end() : end.start()]


# The bytes of Windows-1252 that Latin-1 leaves to control characters: dashes and quotation marks.
PUNCTUATION = {
    code: bytes([code]).decode("cp1252", errors="ignore") or chr(code) for code in range(0x80, 0xA0)
}


def extract_machado(content: bytes) -> str:
    """The ten novels, in order of publication, from NLTK's package of all works."""
    names = [f"machado/romance/marm{number:02d}.txt" for number in range(1, 11)]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            novels = [package.read(name).decode("latin-1") for name in names]
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"the package is damaged: {error.args[0]}") from None
    return decode("".join(novels).translate(PUNCTUATION).encode(), "the package")


def _gutenberg(number: int) -> Source:
    # A book changes whenever somebody corrects it, so there is no hash.
    url = f"https://www.gutenberg.org/cache/epub/{number}/pg{number}.txt"
    return Source(url, extract_gutenberg)


GITHUB = "https://raw.githubusercontent.com"
SOURCES = {
    "shakespeare": _gutenberg(100),
    "tiny_shakespeare": Source(
        f"{GITHUB}/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
        "/data/tinyshakespeare/input.txt",
        lambda content: decode(content, "the text"),
        known_hash="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    "monte_cristo": _gutenberg(1184),
    "machado_de_assis": Source(
        f"{GITHUB}/nltk/nltk_data/5db857e6f7df11eabb5e5665836db9ec8df07e28"
        "/packages/corpora/machado.zip",
        extract_machado,
        # As NLTK's own index of packages gives it.
        known_hash="md5:d186f7d6715479a8bec48b8b8030858e",
    ),
}
NAMES = [BUILT_IN, *SOURCES]


def _unknown(corpus: str) -> str:
    near = difflib.get_close_matches(corpus, NAMES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"corpus {corpus!r} is neither a file nor one of {', '.join(NAMES)}{hint}"


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a text file")
    if not path.is_file():
        raise ValueError(f"{path} is a device or a pipe, not a text file")
    try:
        with path.open("rb") as file:
            return read_at_most(file, LARGEST, str(path))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def _download(name: str, path: Path) -> None:
    """Put a named corpus to its place."""
    source = SOURCES[name]
    make_folder(path.parent, f"take {BUILT_IN}, which needs no file")
    try:
        download(
            source.url, path, source.known_hash, lambda content: source.extract(content).encode()
        )
    except DownloadError as error:
        raise ValueError(
            f"{name} cannot be downloaded from {source.url} ({error}): put its text to {path}, "
            f"or take {BUILT_IN}, which needs no network"
        ) from None
