"""Tables are read whole, or refused in one line."""

from __future__ import annotations

import csv

import pytest

from comparison.csv_table import number_in, read_table


def test_rows_have_the_number_of_the_line_where_they_end(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text('\ufeffa,b\n1,"2\n3"\n4\n', encoding="utf-8")
    columns, rows = read_table(file, ("a", "b"))
    assert columns == ["a", "b"]
    assert rows == [(3, {"a": "1", "b": "2\n3"}), (4, {"a": "4", "b": ""})]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_tables_that_a_spreadsheet_has_written(between, end, encoding, tmp_path):
    """With cells beside the table, and a row below it, that are empty; and in all three ways."""
    comma = "," if between != "," else "."
    cells = [["a", "b", "", ""], ["x", f"-0{comma}5", "", ""], ["1,2,3", f"1{comma}5e-3", "", ""]]
    cells += [["", "1", "", ""], [""] * 4]
    file = tmp_path / "table.csv"
    with file.open("w", encoding=encoding, newline="") as writing:
        csv.writer(writing, delimiter=between, lineterminator=end).writerows(cells)
    columns, rows = read_table(file, ("a", "b"))
    assert columns == ["a", "b"]
    expected = [("x", "-0.5"), ("1,2,3", "1.5e-3"), ("", "1")]
    assert [tuple(row.values()) for _, row in rows] == expected


def test_what_is_no_such_table_is_told(tmp_path):
    file = tmp_path / "table.csv"
    for content, message in (
        (None, "has no table.csv"),
        (b"a\n1\n", "table.csv has no column b"),
        (b"", "table.csv has no column a"),
        ("a,b".encode("utf-16"), "table.csv is UTF-16; save it as UTF-8"),
        (b"PK\x03\x04 xl/workbook.xml", "table.csv is an Excel workbook; save it as CSV in UTF-8"),
        (b"a,b\nx" + b"x" * 200_000, "not a table of comma-separated values"),
        (b"a,b,a\n", "table.csv has column a twice"),
        # A decimal comma between commas.
        (b"a,b\nx,0,85\n", "table.csv, line 2: there are more cells than columns"),
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
