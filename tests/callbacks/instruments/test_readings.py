"""The table of an instrument: it grows, and is cut back to where a run goes on."""

from __future__ import annotations

import pytest

from callbacks.instruments.readings import Readings


@pytest.fixture
def readings(tmp_path):
    readings = Readings(tmp_path / "new" / "some.csv", ("name", "value"), ("name",))
    for step in (1, 20, 40):
        readings.add(step, [("a", 0.1 * step), ("b", float("inf"))])
    return readings


def test_as_it_is_written(readings):
    assert readings.file.read_text() == (
        "step,name,value\n1,a,0.1\n1,b,inf\n20,a,2\n20,b,inf\n40,a,4\n40,b,inf\n"
    )
    assert list(readings)[2] == (20, ["a", "2"])


def test_single_precision_survives(readings):
    readings.add(60, [("c", 0.10000000149011612)])
    assert list(readings)[-1] == (60, ["c", "0.100000001"])


@pytest.mark.parametrize(("step", "left"), [(0, []), (1, [1]), (39, [1, 20]), (40, [1, 20, 40])])
def test_cut_back(readings, step, left):
    readings.cut_back(step)
    assert [at for at, _ in readings] == [each for each in left for _ in range(2)]
    assert readings.file.is_file() == bool(left)


@pytest.mark.parametrize("torn", ["4", "60", "60,a", "60,a,0.1\n60,b,i"])
def test_half_a_line_is_no_reading(readings, torn, caplog):
    whole = readings.file.read_text()
    with readings.file.open("a") as file:
        file.write(torn)
    assert len(list(readings)) == (7 if "\n" in torn else 6)
    readings.cut_back(40)
    assert readings.file.read_text() == whole and not caplog.records


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        ("20,a,2\n", "20,a,x\n", [1, 40]),
        ("20,b,inf\n", "2q,b,inf\n", [1]),
        ("20,b,inf\n", "20,b\n", [1]),
        ("1,b,inf\n20,a,2\n", "1,b,0,a,2\n", [40]),
        ("a,4\n40,b,inf\n", "a,4\n40,b,i", [1, 20]),
        ("1,a,0.1", "\x00\ufffd", [20, 40]),
    ],
)
def test_readings_that_lack_a_line_are_left_out_with_a_word(old, new, left, readings, caplog):
    whole = readings.file.read_text()
    assert old in whole
    readings.file.write_text(whole.replace(old, new, 1))
    readings.cut_back(40)
    assert [at for at, _ in readings] == [each for each in left for _ in range(2)]
    (record,) = caplog.records
    assert record.getMessage() == f"{readings.file} is broken: what can be read of it is kept"
    readings.cut_back(40)
    assert len(caplog.records) == 1


def test_nothing_to_cut_back(tmp_path):
    readings = Readings(tmp_path / "none.csv", ("value",))
    readings.cut_back(3)
    assert list(readings) == [] and not readings.file.exists()
