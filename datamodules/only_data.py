"""Reading the files of strangers for nothing but the data in them.

Libraries unpickle what they find, and a pickle can call whatever it names. Python tells its audit
hooks of every name that a pickle asks for and of every address that is opened, whoever reads; here
all of them are refused but for those of Python's own plain values, and of addresses that begin with
https. Arrays are read as ever from files of numpy's that hold numbers: those are no pickles.
"""

from __future__ import annotations

import ssl
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# What pickles of Python's own values name, in Python 2 and 3. Whatever is named may also be called
# and changed, with any arguments, which the hook does not see. So nothing of numpy or scipy is
# here: numpy.ndarray makes objects of any addresses, a dtype may lie about what its bytes are, and
# a sparse matrix about where its indices lead.
HARMLESS = {
    **dict.fromkeys(
        ("builtins", "__builtin__"),
        "bool bytearray bytes complex dict float frozenset int list set slice str tuple",
    ),
    "_codecs": "encode",
    "collections": "OrderedDict defaultdict",
}


class HeldBack(Exception):
    """Something other than data was asked for; the message says what."""


# What was held back, of each reading that is under way.
_readings: list[list[HeldBack]] = []


@contextmanager
def only_data() -> Iterator[list[HeldBack]]:
    """Let nothing be unpickled but plain values, and nothing be opened but what comes over https.

    Certificates are checked whether or not whoever downloads would, and archives are unpacked
    within their folder only.

    Yields:
        What was held back: whoever reads may have gone on without it.

    Raises:
        HeldBack: in the midst of the reading.
    """
    _listen()
    held_back: list[HeldBack] = []
    _readings.append(held_back)
    # Older than Python's releases of 2023, tarfile has neither.
    within_folder = staticmethod(getattr(tarfile, "data_filter", lambda member, path: member))
    try:
        with (
            # It has no public name; torch_geometric downloads by it.
            _replaced(ssl, "_create_unverified_context", ssl.create_default_context),
            _replaced(tarfile.TarFile, "extraction_filter", within_folder),
        ):
            yield held_back
    finally:
        _readings.remove(held_back)


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set what an owner has by this name to something else, if it has it."""
    if name not in vars(owner):
        yield
        return
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@cache
def _listen() -> None:
    """Add the hook, once: there is no way to take it back."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _readings:
        return
    if event == "pickle.find_class":
        module, name = arguments
        if name not in HARMLESS.get(module, "").split():
            _hold_back(f"a file of it names {module}.{name}, which might run anything")
    elif event == "urllib.Request" and not str(arguments[0]).startswith("https://"):
        _hold_back(f"it comes from {arguments[0]}, where anybody on the way might change it")


def _hold_back(why: str) -> None:
    error = HeldBack(why)
    _readings[-1].append(error)
    raise error
