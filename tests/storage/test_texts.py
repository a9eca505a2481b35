"""Files that people take for text are called what they are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from storage.texts import decode

TEXT = "One ring to rule them all.\n" * 20


def zipped(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name in names:
            package.writestr(name, TEXT)
    return file.getvalue()


def open_document(kind):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("mimetype", f"application/{kind}")
        package.writestr("content.xml", TEXT)
    return file.getvalue()


def tarred():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("text.txt"), io.BytesIO())
    return file.getvalue()


@pytest.mark.parametrize(
    "content, text",
    [
        (b"", ""),
        (b"a\xef\xbb\xbfb\r\n\rc", "a\ufeffb\n\nc"),
        (b"\xef\xbb\xbfa", "a"),
        # Words that some archives begin with.
        (b"PK fire! BZh9 7z Rar! %PD", "PK fire! BZh9 7z Rar! %PD"),
        (b" " * 257 + b"ustar ", " " * 257 + "ustar "),
    ],
)
def test_text_with_its_lines_ending_in_one_way(content, text):
    assert decode(content, "x") == text


@pytest.mark.parametrize(
    "content, what",
    [
        *(
            (TEXT.encode(encoding), f"{encoding.upper()[:6]}; save it as UTF-8")
            for encoding in ("utf-16", "utf-32", "utf-16-le", "utf-16-be")
        ),
        ("\ufeffa".encode("utf-16-be"), "UTF-16; save it as UTF-8"),
        ("\ufeffa".encode("utf-32-be"), "UTF-32; save it as UTF-8"),
        (gzip.compress(TEXT.encode()), "a gzip archive; unpack it first"),
        (bz2.compress(TEXT.encode()), "a bzip2 archive; unpack it first"),
        (lzma.compress(TEXT.encode()), "an xz archive; unpack it first"),
        (b"\x28\xb5\x2f\xfd\x24\x00", "a zstd archive; unpack it first"),
        (tarred(), "a tar archive; unpack it first"),
        (zipped("text.txt"), "a zip archive; unpack it first"),
        (
            zipped("[Content_Types].xml", "word/document.xml"),
            "a Word document; save its text as UTF-8",
        ),
        (
            zipped("[Content_Types].xml", "xl/workbook.xml"),
            "an Excel workbook; save it as CSV in UTF-8",
        ),
        (
            open_document("vnd.oasis.opendocument.text"),
            "an OpenDocument file; save its text as UTF-8",
        ),
        (open_document("epub+zip"), "an EPUB book; save its text as UTF-8"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document; save its text as UTF-8"),
        (b"{\\rtf1\\ansi One ring}", "an RTF document; save its text as UTF-8"),
    ],
    # Archives hold the time at which they are made, and the workers have to name the tests alike.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_text_is_called_what_it_is(content, what):
    with pytest.raises(ValueError) as caught:
        decode(content, "a/file")
    assert str(caught.value) == f"a/file is {what}"


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"text\0more", "byte 4 is 0x00, as in binary files"),
        (b"abc \xe9 d", "byte 4 is 0xe9, as in Latin-1 or Windows-1252; save it as UTF-8"),
        (b"\xef\xbb\xbfab\xe9a", "byte 5 is 0xe9; save it as UTF-8"),
        ("слово".encode("koi8-r"), "byte 0 is 0xd3; save it as UTF-8"),
        (b"\xed\xa0\x80", "byte 0 is 0xed; save it as UTF-8"),
        ("a—".encode()[:-1], "byte 1 is 0xe2, and the character that it begins is cut off"),
    ],
)
def test_what_is_in_another_encoding_is_told_by_its_byte(content, reason):
    with pytest.raises(ValueError) as caught:
        decode(content, "a/file")
    assert str(caught.value) == f"a/file is not text in UTF-8: {reason}"
