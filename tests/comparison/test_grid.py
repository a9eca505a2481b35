"""From what a comparison varies to its runs, and what these are called."""

from __future__ import annotations

import re

from comparison.grid import Grid, Run


def test_a_grid_is_all_combinations_in_a_stable_order():
    grid = Grid(("RNN", "LSTM"), {"data.length": ("5", "10"), "optimizer": ("SGD",)}, (0, 3))
    names = [str(run) for run in grid.runs()]
    assert names == [
        f"{model}/length={length},optimizer=SGD,seed={seed}"
        for model in ("RNN", "LSTM")
        for length in (5, 10)
        for seed in (0, 3)
    ]
    assert len(grid) == 8


def test_a_grid_of_seeds_alone():
    assert [run.name for run in Grid(("RNN",), {}, (0, 1)).runs()] == ["seed=0", "seed=1"]


def test_flags_of_the_same_name_are_told_apart():
    run = Run("RNN", (("optimizer.lr", "0.1"), ("x.lr", "0.2"), ("data.length", "5")), 0)
    assert run.name == "optimizer.lr=0.1,x.lr=0.2,length=5,seed=0"


def test_every_value_makes_a_folder_name_of_its_own():
    values = ["texts/a.txt", "texts-a.txt", "texts-a-txt", "../a", "..", "[1,2]", "[1, 2]", "1,2"]
    values += ["1,seed=2", "a b", "é", "x" * 200, "x" * 201, "-1", "1e-3"]
    names = [Run("RNN", (("data.corpus", value),), 1).name for value in values]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"corpus=[\w=.,+-]+,seed=1", name) and len(name) <= 100


def test_the_seed_is_told_by_the_longest_name():
    runs = [Run("RNN", (("data.corpus", "x" * 300),), seed) for seed in (1, 2)]
    assert runs[0].name != runs[1].name
