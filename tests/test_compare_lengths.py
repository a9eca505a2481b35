"""A comparison that measures its runs at other lengths than they were trained at."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.test_compare import starts

FOLDER = Path("comparisons/small")
GRID = ["compare", "--config=small.yaml", "--models=RRN", "--seeds=1", "--trainer.max_steps=20"]
RUN = FOLDER / "runs/RRN/seed=0"


def measured() -> list[str]:
    """The lengths in the table of the comparison."""
    with (FOLDER / "lengths.csv").open(newline="") as file:
        return [row["test_length"] for row in csv.DictReader(file)]


def test_each_run_is_measured_and_the_numbers_are_those_of_test(
    start_process, train, small_config, tmp_path
):
    done = train(*GRID, "--lengths=3,4", "--test_lengths=4:8:4")
    assert done.code == 0, done.err
    assert "test lengths" in done.out and "4, 8" in done.out
    with (FOLDER / "lengths.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [f"RRN/length={n},seed=0" for n in (3, 4) for _ in (4, 8)]
    assert [row["run"] for row in rows] == names
    for row in rows:
        flags = [f"--ckpt_path={FOLDER}/runs/{row['run']}", f"--data.length={row['test_length']}"]
        said = train("test", *flags).out
        numbers = f"accuracy/test {float(row['accuracy']):.4g}, loss/test {float(row['loss']):.4g}:"
        assert said.startswith(numbers)
    for kind in ("png", "svg"):
        (FOLDER / f"figures/accuracy_at_length.{kind}").unlink()
    assert train("plot", str(FOLDER)).code == 0
    assert (FOLDER / "figures/accuracy_at_length.png").is_file()


def test_after_a_curriculum_the_trained_length_is_the_last(
    start_process, train, small_config, tmp_path
):
    done = train(*GRID, "--data.curriculum.start=2", "--test_lengths=2,4")
    assert done.code == 0, done.err
    with (FOLDER / "lengths.csv").open(newline="") as file:
        rows = [(row["trained_length"], row["test_length"]) for row in csv.DictReader(file)]
    assert rows == [("4", "2"), ("4", "4")]


def test_what_is_not_measured_yet_is_measured_without_training_again(
    start_process, train, small_config, tmp_path
):
    assert train(*GRID).code == 0
    result = (RUN / "result.json").read_bytes()
    assert starts(tmp_path) == {"RRN/seed=0": 1} and not (FOLDER / "lengths.csv").exists()

    first = train(*GRID, "--test_lengths=5,6")

    assert first.code == 0, first.err
    assert "1 trained, not measured" in first.out and measured() == ["5", "6"]
    assert starts(tmp_path) == {"RRN/seed=0": 2}
    # What it is is in its folder: all of it is found again.
    again = train("compare", f"--config={FOLDER}/comparison.yaml")
    assert again.code == 0 and "1 finished already" in again.out
    assert starts(tmp_path) == {"RRN/seed=0": 2}
    # As if it had been killed between training and measuring.
    (RUN / "lengths.csv").unlink()
    assert train("compare", f"--config={FOLDER}/comparison.yaml").code == 0
    assert starts(tmp_path) == {"RRN/seed=0": 3} and measured() == ["5", "6"]
    assert train(*GRID, "--test_lengths=6:8").code == 0
    assert measured() == ["6", "7", "8"]
    assert (RUN / "result.json").read_bytes() == result
    # Without, there is neither table nor picture of what is not asked for.
    assert (FOLDER / "figures/accuracy_at_length.png").is_file()
    assert train(*GRID).code == 0
    assert not (FOLDER / "lengths.csv").exists()
    assert not (FOLDER / "figures/accuracy_at_length.png").exists()


def test_a_run_that_cannot_be_measured_is_not_lost(start_process, train, small_config, tmp_path):
    in_the_way = RUN / "lengths.csv"
    assert train(*GRID).code == 0
    in_the_way.mkdir()

    failed = train(*GRID, "--test_lengths=5")

    assert failed.code == 1
    assert "failed: RRN/seed=0: trained, but not measured: " in failed.out
    assert "lengths.csv cannot be written: Is a directory" in failed.out
    with (FOLDER / "results.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["state"] == "finished" and float(row["accuracy"]) > 0
    before = starts(tmp_path)
    assert train(*GRID, "--test_lengths=5").code == 1 and starts(tmp_path) == before
    in_the_way.rmdir()
    again = train(*GRID, "--test_lengths=5", "--retry_failed")
    assert again.code == 0, again.err
    assert measured() == ["5"] and starts(tmp_path) == {"RRN/seed=0": 3}


def test_other_lengths_have_to_wait(small_config):
    from command_line.errors import UsageError
    from comparison.definition import define
    from comparison.folder import ComparisonFolder

    one, other = (define(small_config, {"test_lengths": n}, {})[0] for n in ("5", "5,6"))
    folder = ComparisonFolder(small_config.parent / "comparison")
    with folder.claimed(one):
        with folder.claimed(one):
            pass
        with (
            pytest.raises(UsageError, match="a comparison at other test lengths is under way"),
            folder.claimed(other),
        ):
            pass


def test_a_comparison_file_may_have_them_and_flags_go_before_it(small_config):
    from comparison.definition import define

    file = small_config.with_name("figure.yaml")
    file.write_text("compare:\n  config: small.yaml\n  test_lengths: 5:15:5\n")
    definition, _ = define(file, {}, {})
    assert definition.test_lengths == (5, 10, 15)
    file.write_text(definition.dump("small.yaml", "beside.csv"))
    assert define(file, {}, {})[0] == definition
    assert define(file, {"test_lengths": "9,3"}, {})[0].test_lengths == (3, 9)
