"""The table: means and deviations as numpy has them, and nothing left unsaid."""

from __future__ import annotations

import re

import numpy as np
import pytest

from comparison.grid import Run
from comparison.groups import deviation, grouped, short_names, spread
from comparison.records import read_results
from comparison.results import collect
from comparison.table import print_table, write_table


@pytest.fixture
def table(folder, capsys, monkeypatch):
    """Of the folder's table: what is on the terminal, and the rows of the Markdown by column."""

    def make(width: int = 80) -> tuple[str, list[dict[str, str]]]:
        monkeypatch.setenv("COLUMNS", str(width))
        records = read_results(folder)
        write_table(folder, records)
        print_table(folder, records)
        lines = (folder / "table.md").read_text().split("\n\n")[0].splitlines()
        cells = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
        return capsys.readouterr().out, [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]

    return make


def test_numbers_are_those_of_numpy(table, lengths):
    terminal, rows = table()
    assert len(rows) == len(lengths) == 6
    for row, ((model, length), seeds) in zip(rows, lengths.items(), strict=True):
        assert (row["model"], row["length"], row["seeds"]) == (model, str(length), "3")
        accuracy = [seed["best_accuracy"] for seed in seeds]
        assert row["accuracy"] == f"{np.mean(accuracy):.3f} ± {np.std(accuracy, ddof=1):.3f}"
        steps = [seed["steps_to_converge"] for seed in seeds if seed["steps_to_converge"]]
        assert row["solved"] == f"{len(steps)} of 3"
        expected = f"{np.mean(steps):,.0f}" if steps else ""
        if len(steps) > 1:
            expected += f" ± {np.std(steps, ddof=1):,.0f}"
        assert row["steps to converge"] == expected
        assert row["parameters"] == f"{seeds[0]['parameters']:,}"
        seconds = [float(number) for number in row["seconds"].split(" ± ")]
        numbers = [seed["seconds"] for seed in seeds]
        reference = [np.mean(numbers), np.std(numbers, ddof=1)]
        assert seconds == pytest.approx(reference, rel=0.005)
        for cell in (row["model"], row["length"], row["accuracy"], row["solved"]):
            assert cell in terminal


def test_fits_in_80_columns_and_says_what_it_leaves_out(table, lengths):
    narrow, _ = table(80)
    # Only the path of a file may be wider.
    assert all(len(line) <= 80 or "table.md" in line.split()[0] for line in narrow.splitlines())
    assert "Too narrow for" in narrow and "table.md" in narrow and "parameters" in narrow
    # Titles are broken before anything is left out.
    heading = " ".join(narrow.splitlines()[:2]).split()
    assert {"model", "length", "solved", "accuracy"} <= set(heading)
    wide, _ = table(200)
    assert "Too narrow" not in wide and "parameters" in wide.splitlines()[0]


NAMES = ["identity_with_a_long_name", "xavier_with_a_long_name", "identity_with_another_name"]


@pytest.mark.parametrize("width", [200, 120, 80, 60, 40])
def test_texts_are_shortened_and_numbers_never(width, table, folder, finish):
    runs = []
    for name in NAMES:
        for seed in range(2):
            settings = {"model.initialization": name}
            result = {"best_accuracy": 0.1 * seed + len(name) / 100, "steps_to_converge": 123456}
            runs.append(finish("ModelOfALongName", seed, settings, seconds=12.5, **result))
    collect(folder, runs)
    terminal, rows = table(width)
    assert all(len(line) <= width for line in terminal.splitlines() if "table.md" not in line)
    for row in rows:
        assert row["accuracy"] in terminal and row["steps to converge"] in terminal
    assert terminal.count("123,456 ± 0") == len(rows) == 3
    # Nothing is left out of blocks, and all names can be told apart.
    assert ("Too narrow" in terminal) == (60 < width < 200)
    assert (terminal.count("seconds ") >= 3) == (width <= 60)
    if width > 60:
        named = {line.split()[1] for line in terminal.splitlines() if line.startswith("Model")}
        assert len(named) == 3


def test_says_that_steps_are_those_of_solved_seeds(table, lengths):
    terminal, _ = table()
    assert "steps to converge over the solved ones alone" in " ".join(terminal.split())


def test_one_seed_has_no_deviation(table, folder, finish):
    collect(folder, [finish("RNN", best_accuracy=0.25)])
    _, (row,) = table()
    assert row["accuracy"] == "0.250" and "±" not in "".join(row.values())
    assert deviation([3.0]) is None and spread([], str) == ""


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.84, 0.97), "0.905 ± 0.092"),
        ((20.0, 40.0), "30.0 ± 14.1"),
        ((3e5, 5e5), "4e+05 ± 1.41e+05"),
    ],
)
def test_a_deviation_has_the_decimals_of_its_mean(values, text, table, folder, finish):
    collect(folder, [finish("RNN", n, seconds=seconds) for n, seconds in enumerate(values)])
    assert table()[1][0]["seconds"] == text


def test_without_a_threshold_there_is_nothing_to_solve(table, folder, finish):
    validation = {"step": 3, "accuracy": 0.5, "loss": 1.25, "test_accuracy": 0.75}
    runs = [finish("GCN", n, threshold=None, best_validation=validation) for n in (0, 1)]
    collect(folder, runs)
    terminal, (row,) = table()
    assert "solved" not in row and "steps to converge" not in row and "solved" not in terminal
    assert (row["test"], row["loss"]) == ("0.750 ± 0.000", "1.25 ± 0.00")


def test_failed_runs_are_told_below_and_count_for_nothing(table, folder, finish, fail):
    runs = [
        finish("RNN", 0, best_accuracy=0.5, steps_to_converge=5),
        finish("RNN", 1, best_accuracy=0.7),
        fail("RNN", "loss is nan | [bold]here", 2),
        Run("RNN", (), 3),
    ]
    collect(folder, runs)
    terminal, (row,) = table()
    assert (row["seeds"], row["solved"]) == ("2", "1 of 2")
    assert row["accuracy"] == f"0.600 ± {np.std([0.5, 0.7], ddof=1):.3f}"
    assert "Failed: 1 of 4 runs." in terminal and "Not finished: 1 of 4 runs." in terminal
    assert "RNN/seed=2: loss is nan | [bold]here" in terminal
    assert "- RNN/seed=2: loss is nan \\| [bold]here" in (folder / "table.md").read_text()


def test_of_many_failures_the_terminal_shows_some_and_the_file_all(table, folder, fail):
    collect(folder, [fail("RNN", "broken", seed) for seed in range(14)])
    terminal, (row,) = table()
    assert terminal.count("broken") == 10 and "and 4 more" in terminal
    assert (folder / "table.md").read_text().count("broken") == 14
    assert row == {"model": "RNN", "seeds": "0"}


def test_a_value_that_some_seeds_lack_says_of_how_many_it_is(table, folder, finish):
    losses = (1.0, 3.0, None)
    runs = [
        finish("RNN", n, best_validation={"step": 1, "accuracy": 0.5, "loss": loss})
        for n, loss in enumerate(losses)
    ]
    collect(folder, runs)
    assert table()[1][0]["loss"] == "2.00 ± 1.41 (2 of 3)"


def test_settings_that_are_all_the_same_are_told_once(table, folder, finish):
    settings = {"data.length": "9", "optimizer": "Adam"}
    collect(folder, [finish("RNN", n, settings) for n in range(2)])
    terminal, (row,) = table()
    assert "length" not in row and "In all runs: data.length = 9, optimizer = Adam." in terminal


def test_groups_are_those_that_differ_in_their_seed_alone(folder, finish):
    runs = [
        finish(model, seed, {"data.length": length, "optimizer": optimizer})
        for model in ("RNN", "GRU")
        for length in ("5", "50")
        for optimizer in ("SGD", "Adam")
        for seed in (4, 2)
    ]
    collect(folder, runs)
    groups = grouped(read_results(folder))
    assert len(groups) == 8
    assert [record.seed for record in groups[3].records] == ["4", "2"]
    assert groups[3].settings == {"data.length": "50", "optimizer": "Adam"}


def test_names_are_short_unless_they_would_be_the_same():
    flags = ["data.length", "optimizer", "data.seed", "model.seed"]
    assert list(short_names(flags).values()) == ["length", "optimizer", "data.seed", "model.seed"]
