"""Files that data sets are read from: where they are kept, and how they come to be there.

They are kept in `$DATA_ROOT`; without it, in a folder of the user's cache.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# What would have been downloaded, while nothing is; None while all is.
_missing: list[str] | None = None


class DownloadError(ValueError):
    """A file could not be had; the message says why in a few words."""


def data_root() -> Path:
    """The folder that files are kept in."""
    root = os.environ.get("DATA_ROOT")
    if root:
        return Path(root).expanduser()
    import pooch

    return Path(pooch.os_cache("seqgraph"))


@contextmanager
def nothing_downloaded() -> Iterator[list[str]]:
    """Inside, what is not there is an error; gives the list of what would be downloaded."""
    global _missing
    before, _missing = _missing, []
    try:
        yield _missing
    finally:
        _missing = before


def check_downloads(what: str) -> None:
    """Make sure that files may be downloaded.

    Raises:
        DownloadError: nothing is, for the time being.
    """
    if _missing is not None:
        _missing.append(what)
        raise DownloadError(f"{what} is not here, and nothing is downloaded now")


def make_folder(path: Path, otherwise: str) -> None:
    """Make a folder for files, unless it is there.

    Args:
        otherwise: what one can do without, for the error.

    Raises:
        ValueError: it cannot be made.
    """
    check_downloads(str(path))
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"{path} cannot be made ({error.strerror}): set DATA_ROOT to a folder that can be "
            f"written, or {otherwise}"
        ) from None


def download(
    url: str,
    path: Path,
    known_hash: str | None = None,
    extract: Callable[[bytes], bytes] = bytes,
) -> None:
    """Put what is behind an address to its place, whole or not at all, once for all processes.

    Args:
        url: what to download.
        path: where the file goes, in a folder that is there.
        known_hash: where it never changes; SHA-256, or named as in "md5:...".
        extract: from what was downloaded to what is kept; a ValueError says what is wrong.

    Raises:
        DownloadError: it cannot be had.
    """
    import filelock
    import pooch

    # It would speak of hashes and folders of no concern.
    pooch.get_logger().setLevel("ERROR")
    try:
        with filelock.FileLock(path.with_name(f"{path.name}.lock")):
            # The process that had the lock before may have been here for the same.
            if path.exists():
                return
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
                file = pooch.retrieve(
                    url, known_hash, fname="download", path=folder, progressbar=True
                )
                whole = Path(folder) / "whole"
                whole.write_bytes(extract(Path(file).read_bytes()))
                whole.replace(path)
    # Whatever goes wrong between here and there: no network is an OSError, a hash a ValueError.
    except (OSError, ValueError) as error:
        raise DownloadError(_reason(error)) from None


def _reason(error: OSError | ValueError) -> str:
    """In a few words, where the libraries below would use several lines."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code}"
    if isinstance(error, ValueError):
        return (
            "not the file that was expected: another hash" if "hash" in str(error) else str(error)
        )
    return error.strerror or type(error).__name__
