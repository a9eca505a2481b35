"""Tables are read whole, or refused in one line."""

from __future__ import annotations

import pytest

from comparison.csv_table import number_in, read_table


def test_rows_have_the_number_of_the_line_where_they_end(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text('\ufeffa,b\n1,"2\n3"\n4\n', encoding="utf-8")
    columns, rows = read_table(file, ("a", "b"))
    assert columns == ["a", "b"]
    assert rows == [(3, {"a": "1", "b": "2\n3"}), (4, {"a": "4", "b": ""})]


def test_what_is_no_such_table_is_told(tmp_path):
    file = tmp_path / "table.csv"
    for content, message in (
        (None, "has no table.csv"),
        (b"a\n1\n", "table.csv has no column b"),
        (b"\xff\xfe\x00", "not a table of comma-separated values"),
    ):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_table(file, ("a", "b"))
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_table(tmp_path, ())


def test_a_cell_is_a_number_or_empty():
    assert number_in("0.5", "a", "here") == 0.5 and number_in("", "a", "here") is None
    with pytest.raises(ValueError, match="here: a must be a number, got many"):
        number_in("many", "a", "here")
