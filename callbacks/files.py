"""Files that are there whole or not at all, for who looks for them here: see storage/files.py."""

from storage.files import written_whole

__all__ = ["written_whole"]
