"""The CSVs are read back as they are, and anything else is told in one line."""

from __future__ import annotations

import pytest

from comparison.records import read_curves, read_results
from comparison.results import collect


def test_reads_what_was_written(folder, finish, fail):
    settings = {"data.length": "7", "optimizer": "Adam, or so"}
    run = finish("RNN", 1, settings, steps_to_converge=9)
    collect(folder, [run, fail("LSTM", 'a "quoted", one', 2)])
    first, second = read_results(folder)
    assert (first.run, first.model, first.seed) == (f"RNN/{run.name}", "RNN", "1")
    assert first.settings == settings and first.solved is True and first.finished
    assert first.numbers["accuracy"] == 0.1 + 0.2 and first.numbers["steps_to_converge"] == 9
    assert second.failed and second.error == 'a "quoted", one' and second.numbers == {}
    assert second.solved is None


def test_a_number_that_is_none_is_left_out(folder, finish):
    collect(folder, [finish("RNN")])
    file = folder / "results.csv"
    file.write_text(file.read_text().replace("0.30000000000000004", "nan"))
    assert "accuracy" not in read_results(folder)[0].numbers


def test_without_curves_there_are_none(folder, finish):
    collect(folder, [finish("RNN")])
    (folder / "curves.csv").unlink()
    assert read_curves(folder) == {}


WRONG = {
    "empty": (lambda text: "", "results.csv has no column run"),
    "another table": (lambda text: "a,b\n1,2\n", "results.csv has no column run"),
    "a column less": (lambda text: text.replace("solved", "sloved"), "has no column solved"),
    "state": (lambda text: text.replace("finished,", "done,"), "line 2: state must be one of"),
    "solved": (lambda text: text.replace("false", "no"), "line 2: solved must be one of true, fal"),
    "number": (lambda text: text.replace("1234", "many"), "parameters must be a number, got many"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_results(case, folder, finish):
    collect(folder, [finish("RNN")])
    change, message = WRONG[case]
    file = folder / "results.csv"
    file.write_text(change(file.read_text()))
    with pytest.raises(ValueError, match=message) as error:
        read_results(folder)
    assert "\n" not in str(error.value)


def test_bytes_are_no_table(folder):
    folder.mkdir()
    (folder / "results.csv").write_bytes(b"\xff\xfe\x00run")
    with pytest.raises(ValueError, match="not a table of comma-separated values"):
        read_results(folder)
    with pytest.raises(ValueError, match="has no results.csv"):
        read_results(folder.parent)


def test_wrong_curves(folder):
    folder.mkdir()
    file = folder / "curves.csv"
    file.write_text("run,step\n")
    with pytest.raises(ValueError, match="curves.csv has no column accuracy"):
        read_curves(folder)
    file.write_text("run,step,accuracy,loss,validation_accuracy,validation_loss\nRNN/a,1,0.5,x,,\n")
    with pytest.raises(ValueError, match="line 2: loss must be a number, got x"):
        read_curves(folder)
