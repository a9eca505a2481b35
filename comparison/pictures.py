"""The pictures of a comparison, in place of those that were drawn before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from storage.files import written_whole

# Names of the pictures that are ours, a line each: all other files are none of our business.
OURS = ".drawn"
ENDINGS = (".png", ".svg")


def replace_pictures(folder: Path, pictures: Mapping[str, bytes]) -> list[Path]:
    """Write pictures, each whole or not at all, and remove what this had written before.

    Args:
        folder: of the pictures. Files that it has not written stay there, whatever they are.
        pictures: by name of the file.

    Returns:
        Their files.

    Raises:
        OSError: they cannot be written.
    """
    before = _ours(folder)
    if not before and not pictures:
        return []
    # Whoever is killed on the way has no picture that the list does not know.
    _note(folder, before | pictures.keys())
    for name, content in pictures.items():
        with written_whole(folder / name, "wb") as file:
            file.write(content)
    for name in before - pictures.keys():
        (folder / name).unlink(missing_ok=True)
    _note(folder, pictures)
    return [folder / name for name in pictures]


def _ours(folder: Path) -> set[str]:
    try:
        names = (folder / OURS).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return set()
    # What lies elsewhere, or is no picture, cannot be ours.
    return {name for name in names if Path(name).name == name and name.endswith(ENDINGS)}


def _note(folder: Path, names: Iterable[str]) -> None:
    with written_whole(folder / OURS) as file:
        file.writelines(f"{name}\n" for name in sorted(names))
