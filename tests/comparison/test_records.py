"""The CSVs are read back as they are, and anything else is told in one line."""

from __future__ import annotations

import pytest

from comparison.records import ending_early, read_curves, read_lengths, read_results
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
    with pytest.raises(ValueError, match="results.csv is UTF-16; save it as UTF-8"):
        read_results(folder)
    with pytest.raises(ValueError, match="has no results.csv"):
        read_results(folder.parent)


@pytest.mark.parametrize("name", ["results.csv", "curves.csv", "lengths.csv"])
def test_a_table_that_is_cut_off_is_not_read(name, folder, finish, curves):
    run = finish("RNN")
    (folder / "runs" / str(run) / "lengths.csv").write_text(
        "trained_length,test_length,loss,accuracy,guessing\n4,4,0.5,0.25,0.1\n"
    )
    collect(folder, [run], [4])
    curves([(str(run), step, 0.5, 0.25) for step in range(9)])
    read = {"results.csv": read_results, "curves.csv": read_curves, "lengths.csv": read_lengths}
    whole = (folder / name).read_bytes()
    assert read[name](folder)
    # In the middle of a number of the last row.
    (folder / name).write_bytes(whole.rstrip()[:-2])
    with pytest.raises(ValueError, match=f"{name} is cut off: its last line has no end"):
        read[name](folder)


def test_curves_that_end_early_are_known(folder, finish, curves):
    runs = [finish("RNN", seed, steps=8) for seed in range(3)]
    collect(folder, runs)
    # The third has none, as runs without TensorBoard.
    points = [(runs[0], step) for step in range(9)] + [(runs[1], step) for step in range(6)]
    curves([(str(run), step, 0.5, 0.25) for run, step in points])
    assert ending_early(read_results(folder), read_curves(folder)) == [str(runs[1])]


def test_wrong_curves(folder):
    folder.mkdir()
    file = folder / "curves.csv"
    file.write_text("run,step\n")
    with pytest.raises(ValueError, match="curves.csv has no column accuracy"):
        read_curves(folder)
    file.write_text("run,step,accuracy,loss,validation_accuracy,validation_loss\nRNN/a,1,0.5,x,,\n")
    with pytest.raises(ValueError, match="line 2: loss must be a number, got x"):
        read_curves(folder)
