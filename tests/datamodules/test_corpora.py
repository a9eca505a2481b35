"""Texts: where they are found, how they come there, and files that are none."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from pydoc_data.topics import topics

import pooch
import pytest

from datamodules import corpora
from datamodules.corpora import NAMES, SOURCES, read_corpus
from tests.datamodules.places import one_line

# Where a download fails, pooch leaves its connection to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.usefixtures("root"),
]

BOOK = "\n\nTHE BOOK\n\nÉ “isto” — e só.\n\n"
EBOOK = (
    "\ufeffThe Project Gutenberg eBook\r\n\r\n"
    "*** START OF THE PROJECT GUTENBERG EBOOK 7 ***\r\n"
    + BOOK.replace("\n", "\r\n")
    + "*** END OF THE PROJECT GUTENBERG EBOOK 7 ***\r\nLicence\r\n"
).encode()


def serve(server, monkeypatch, name, content, **changes):
    """Let a named corpus come from the server, in this process."""
    server.files[name] = content
    source = SOURCES[name]
    changed = {"url": f"{server.url}/{name}", **changes}
    monkeypatch.setitem(SOURCES, name, replace(source, **changed))


# Files


@pytest.mark.parametrize(
    "text",
    [
        "Capitu, aquela cigana oblíqua e dissimulada; não há coração.\n",
        "“Curly” ‘quotes’, a dash — and an ellipsis…\n",
        "emoji 😀 and a family 👩‍👩‍👧\n",
        "combining: e\u0301 is not \u00e9, a\u0303o\n",
        "separators \u2028 \u2029 \x85 \x0b \x0c stay\n",
        "x",
        "\n",
    ],
)
def test_characters_are_left_as_they_are(text, tmp_path):
    path = tmp_path / "a text.txt"
    path.write_bytes(text.encode())
    assert read_corpus(str(path)) == text


@pytest.mark.parametrize(
    "content, text",
    [
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"a\rb\r", "a\nb\n"),
        (b"a\r\r\nb\n\rc", "a\n\nb\n\nc"),
        (b"\xef\xbb\xbfa\n", "a\n"),
        ("a\n\ufeffb".encode(), "a\n\ufeffb"),
    ],
)
def test_line_ends_and_byte_order_mark(content, text, tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    assert read_corpus(str(path)) == text


@pytest.mark.parametrize(
    "content, parts",
    [
        (b"", ["is empty"]),
        (b"\xef\xbb\xbf", ["is empty"]),
        (b"text\0more", ["byte 4 is 0x00", "binary"]),
        ("já".encode("utf-16"), ["is UTF-16; save it as UTF-8"]),
    ],
)
def test_files_that_are_no_text(content, parts, tmp_path):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_corpus(str(path))
    message = one_line(caught)
    assert all(part in message for part in [str(path), *parts])


def test_a_folder(tmp_path):
    with pytest.raises(ValueError, match="is a folder, not a text file$") as caught:
        read_corpus(str(tmp_path))
    assert str(tmp_path) in one_line(caught)


@pytest.mark.parametrize("place", ["/dev/zero", "pipe"])
def test_what_has_no_end(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(ValueError, match=f"^{place} is a device or a pipe, not a text file$"):
        read_corpus(place)


def test_a_text_beyond_all_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(corpora, "LARGEST", 1_000_000)
    file = tmp_path / "large.txt"
    file.write_bytes(b"a" * 1_000_001)
    with pytest.raises(ValueError, match=r"large.txt holds more than 1 MB: name a part of it$"):
        read_corpus(str(file))


def test_an_unreadable_file(tmp_path, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    path = tmp_path / "mine.txt"
    path.write_text("text")
    # The superuser, as whom tests may run, reads anything.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ValueError) as caught:
        read_corpus(str(path))
    assert one_line(caught) == f"{path} cannot be read: Permission denied"


def test_home_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "text.txt").write_text("at home")
    assert read_corpus("~/text.txt") == "at home"


@pytest.mark.parametrize("name", ["shakespear", "Shakespeare", "machado", "python_doc", "python"])
def test_nearest_name(name):
    near = {"s": "shakespeare", "S": "shakespeare", "m": "machado_de_assis", "p": "python_docs"}
    with pytest.raises(ValueError) as caught:
        read_corpus(name)
    message = one_line(caught)
    assert repr(name) in message and message.endswith(f"did you mean {near[name[0]]}?")
    assert all(known in message for known in NAMES)


@pytest.mark.parametrize("name", ["", "no/such/file.txt", "x" * 5000, "~nobody-here/x", "a\0b"])
def test_no_name_at_all(name):
    with pytest.raises(ValueError) as caught:
        read_corpus(name)
    one_line(caught)


# Named corpora


def test_what_comes_with_python(no_network):
    text = read_corpus("python_docs")
    assert text == "\n".join(value for _, value in sorted(topics.items()))
    assert len(text) > 300_000


@pytest.mark.parametrize("name", SOURCES)
def test_a_file_that_is_there_is_used_as_it_is(name, root, no_network):
    (root / "text").mkdir(parents=True)
    content = BOOK.replace("\n", "\r\n")
    (root / "text" / f"{name}.txt").write_text(content, encoding="utf-8", newline="")
    assert read_corpus(name) == BOOK
    assert [path.name for path in (root / "text").iterdir()] == [f"{name}.txt"]


@pytest.mark.parametrize("data_root", [None, ""])
def test_cache_of_the_user_without_data_root(data_root, tmp_path, monkeypatch, no_network):
    monkeypatch.delenv("DATA_ROOT")
    if data_root is not None:
        monkeypatch.setenv("DATA_ROOT", data_root)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    path = tmp_path / "cache/seqgraph/text/monte_cristo.txt"
    path.parent.mkdir(parents=True)
    path.write_text("cached")
    assert read_corpus("monte_cristo") == "cached"


@pytest.mark.parametrize("name", ["shakespeare", "monte_cristo"])
def test_books_of_project_gutenberg(name, server, monkeypatch, root, capfd):
    serve(server, monkeypatch, name, EBOOK)
    assert read_corpus(name) == read_corpus(name) == BOOK
    assert server.asked == {name: 1}
    assert (root / "text" / f"{name}.txt").read_bytes() == BOOK.encode()
    assert {path.name for path in (root / "text").iterdir()} == {f"{name}.txt", f"{name}.txt.lock"}
    shown = capfd.readouterr()
    assert "100%" in shown.err and not shown.out


def test_older_start_line():
    old = EBOOK.replace(b"*** START OF THE", b"***START OF THIS").replace(b"*** END", b"***END")
    assert corpora.extract_gutenberg(old) == BOOK


def test_machado_has_its_punctuation(server, monkeypatch):
    def novel(number):
        return f"ROMANCE {number}\r\n\x93Não\x94 \x97 d\x92água \x81\xa0\r\n"

    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("machado/contos/macn001.txt", b"a story")
        for number in reversed(range(1, 11)):
            file.writestr(f"machado/romance/marm{number:02d}.txt", novel(number).encode("latin-1"))
    serve(server, monkeypatch, "machado_de_assis", package.getvalue(), known_hash=None)
    expected = [f"ROMANCE {number}\n“Não” — d’água \x81\xa0\n" for number in range(1, 11)]
    assert read_corpus("machado_de_assis") == "".join(expected)


def test_processes_that_start_together_download_once(server, root):
    server.files["book"], server.delay = EBOOK, 0.5
    program = (
        "import sys, types\n"
        # Without the data modules themselves, which would import all of Lightning.
        "package = sys.modules['datamodules'] = types.ModuleType('datamodules')\n"
        f"package.__path__ = [{str(Path(corpora.__file__).parent)!r}]\n"
        "from datamodules import corpora\n"
        "source = corpora.Source(sys.argv[1], corpora.extract_gutenberg)\n"
        "corpora.SOURCES['shakespeare'] = source\n"
        "sys.stdout.buffer.write(corpora.read_corpus('shakespeare').encode())\n"
    )
    command = [sys.executable, "-c", program, f"{server.url}/book"]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)
    ]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        # Of pooch, only the bar is seen.
        assert b"Downloading" not in err and b"SHA256" not in err
        assert out == BOOK.encode()
    assert server.asked == {"book": 1}


def assert_nothing_left(root, name):
    left = {path.name for path in (root / "text").iterdir()} if root.exists() else set()
    assert left <= {f"{name}.txt.lock"}


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("shakespeare", None, "the server answers 404"),
        ("tiny_shakespeare", b"another text", "another hash"),
        ("shakespeare", b"<html>Sorry</html>", "no lines"),
        ("shakespeare", b"*** END OF x\n*** START OF y\n", "no lines"),
        ("shakespeare", b"", "empty"),
        ("shakespeare", b"caf\xe9", "not text in UTF-8"),
        ("machado_de_assis", b"no zip", "damaged"),
        ("machado_de_assis", b"PK\x05\x06" + bytes(18), "damaged: There is no item named"),
    ],
)
def test_downloads_that_fail(name, content, reason, server, monkeypatch, root):
    # A package that is not the one expected is refused before anybody looks into it.
    unhashed = {"known_hash": None} if "damaged" in reason else {}
    serve(server, monkeypatch, name, content, **unhashed)
    with pytest.raises(ValueError) as caught:
        read_corpus(name)
    message = one_line(caught)
    place = root / "text" / f"{name}.txt"
    assert message.startswith(f"{name} cannot be downloaded from {server.url}/{name} (")
    assert reason in message
    assert message.endswith(
        f": put its text to {place}, or take python_docs, which needs no network"
    )
    assert_nothing_left(root, name)


def test_a_download_that_is_cut_off(server, monkeypatch, root):
    serve(server, monkeypatch, "shakespeare", EBOOK)
    server.missing = 10
    with pytest.raises(ValueError, match="cannot be downloaded") as caught:
        read_corpus("shakespeare")
    one_line(caught)
    assert_nothing_left(root, "shakespeare")
    server.missing = 0
    assert read_corpus("shakespeare") == BOOK


def test_no_network(server, monkeypatch, root):
    serve(server, monkeypatch, "monte_cristo", EBOOK, url="http://127.0.0.1:9/nobody")
    with pytest.raises(
        ValueError, match=r"\(ConnectionError\).*put its text to .*python_docs"
    ) as it:
        read_corpus("monte_cristo")
    one_line(it)
    assert_nothing_left(root, "monte_cristo")


def test_a_place_that_cannot_be_written(server, monkeypatch, root):
    root.write_text("a file where the folder should be")
    serve(server, monkeypatch, "monte_cristo", EBOOK)
    with pytest.raises(ValueError, match="cannot be made .*: set DATA_ROOT to a folder") as caught:
        read_corpus("monte_cristo")
    one_line(caught)
    assert not server.asked


def test_a_book_put_there_by_hand_may_have_its_licence(root):
    (root / "text").mkdir(parents=True)
    (root / "text" / "monte_cristo.txt").write_bytes(EBOOK)
    assert read_corpus("monte_cristo") == BOOK


def test_an_empty_name():
    with pytest.raises(ValueError, match="^corpus must be a file or one of python_docs, shake"):
        read_corpus("")


def test_sources():
    assert set(SOURCES) == {"shakespeare", "tiny_shakespeare", "monte_cristo", "machado_de_assis"}
    for source in SOURCES.values():
        assert source.url.startswith("https://")
        # What is pinned to a commit never changes.
        assert bool(source.known_hash) == (corpora.GITHUB in source.url)


def test_pooch_is_imported_for_downloads_alone():
    program = "import sys, datamodules; sys.exit('pooch' in sys.modules)"
    folder = Path(corpora.__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", program], cwd=folder).returncode == 0


REAL = os.environ.get("DATA_ROOT")


@pytest.mark.skipif(not REAL, reason="the real texts are at DATA_ROOT")
@pytest.mark.parametrize(
    "name, characters, symbols",
    [
        ("shakespeare", 5_662_715, 93),
        ("tiny_shakespeare", 1_115_394, 65),
        ("monte_cristo", 2_627_265, 130),
        ("machado_de_assis", 3_098_439, 124),
    ],
)
def test_real_texts(name, characters, symbols, monkeypatch, no_network):
    monkeypatch.setenv("DATA_ROOT", REAL)
    text = read_corpus(name)
    assert len(text) == characters and len(set(text)) == symbols
    if (known := SOURCES[name].known_hash) and ":" not in known:
        assert hashlib.sha256(text.encode()).hexdigest() == known
