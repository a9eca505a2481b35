"""Text that people hand over: decoded, or called what it is instead."""

from __future__ import annotations

import re

# How a file begins, what it is then, and what to do about it.
UNPACK, SAVE = "unpack it first", "save its text as UTF-8"
BEGINNINGS = (
    # UTF-32 first: its mark begins as that of UTF-16 does.
    (rb"\xff\xfe\0\0|\0\0\xfe\xff", "UTF-32", "save it as UTF-8"),
    (rb"\xff\xfe|\xfe\xff", "UTF-16", "save it as UTF-8"),
    # ASCII in UTF-16 without a mark.
    (rb"([^\0]\0){8}|(\0[^\0]){8}", "UTF-16", "save it as UTF-8"),
    (rb"\x1f\x8b", "a gzip archive", UNPACK),
    (rb"BZh[1-9]1AY&SY", "a bzip2 archive", UNPACK),
    (rb"\xfd7zXZ\0", "an xz archive", UNPACK),
    (rb"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", UNPACK),
    # Not a Portuguese text where "custar" happens to be there.
    (rb"(?=.{0,256}\0).{257}ustar[ \0]", "a tar archive", UNPACK),
    (rb"%PDF-", "a PDF document", SAVE),
    (rb"\{\\rtf", "an RTF document", SAVE),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", SAVE),
    # These are zip archives too.
    (rb"PK\x03\x04.*?word/", "a Word document", SAVE),
    (rb"PK\x03\x04.*?xl/", "an Excel workbook", "save it as CSV in UTF-8"),
    (rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis", "an OpenDocument file", SAVE),
    (rb"PK\x03\x04.{26}mimetypeapplication/epub", "an EPUB book", SAVE),
    (rb"PK\x03\x04", "a zip archive", UNPACK),
)


def decode(content: bytes, name: str) -> str:
    """The text of a file in UTF-8, without a byte-order mark, lines ending in a line feed.

    Args:
        content: of the file.
        name: of the file, for errors.

    Raises:
        ValueError: it is something else; one line that says what, and what to do.
    """
    for beginning, what, remedy in BEGINNINGS:
        if re.match(beginning, content[:4096], re.DOTALL):
            raise ValueError(f"{name} is {what}; {remedy}")
    if b"\0" in content:
        raise ValueError(
            f"{name} is not text in UTF-8: byte {content.index(0)} is 0x00, as in binary files"
        )
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not text in UTF-8: {_reason(content, error)}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _reason(content: bytes, error: UnicodeDecodeError) -> str:
    place = f"byte {error.start} is 0x{content[error.start]:02x}"
    if error.end == len(content) and error.reason == "unexpected end of data":
        return f"{place}, and the character that it begins is cut off"
    others = len(content.translate(None, bytes(range(128))))
    # In Western European languages few letters are beyond ASCII.
    likely = ", as in Latin-1 or Windows-1252" if others < len(content) / 4 else ""
    return f"{place}{likely}; save it as UTF-8"
