"""What a comparison is: a base config, what is fixed on top of it, and a grid."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from command_line.arguments import DEFAULT_CONFIG
from command_line.config_file import check_config, read_config
from command_line.errors import UsageError
from command_line.known_flags import known_names, takes_text
from command_line.messages import unknown_flag
from command_line.names import check_folder_name, check_shown
from command_line.settings import CLASS_KEYS, describe, differences, flatten, typed
from command_line.yaml_text import NotRead, load
from comparison.comparison_file import read_comparison
from comparison.grid import Grid
from comparison.values import (
    NUMBER,
    as_typed,
    ascending,
    seeds_of,
    understood,
    values_of,
    whole_numbers,
)

NAME = "comparison.yaml"
# The most runs of a grid: nobody waits for the last of more.
MOST_RUNS = 100_000
# What flags of `fit` may be varied or fixed; all the others are the comparison's own business.
GROUPS = (
    "model",
    "data",
    "optimizer",
    "lr_scheduler",
    "trainer",
    "convergence",
    "early_stopping",
    "checkpoints",
    "samples",
    "watch",
)
INSTEAD = {
    "model": "--models A,B",
    "seed_everything": "--seeds N",
    "threads": "--threads N",
    "run": "--folder FOLDER",
    "config": "--config FILE",
}
# How watched, how fast and where: it may differ between the runs that are compared. How long may
# not, since a run that has ended is not asked for how long it was to last.
FREE = re.compile(
    r"^(threads|run\..*|checkpoints\..*|samples\..*|watch\..*|model\.backend|data\.num_workers"
    r"|trainer\.(accelerator|devices|num_nodes|strategy|enable_.*|logger|profiler|barebones))$"
)


@dataclass(frozen=True)
class Definition:
    """A comparison.

    Attributes:
        config: file of the base config.
        base: what is in it.
        fixed: flags of `fit` without dashes, and the value that each has in all runs, as typed.
        grid: what the runs differ in.
        test_lengths: that each run is measured at once it has trained, ascending.
        beside: file of what others have reported, to be drawn beside the results; None without.
    """

    config: Path
    base: Mapping[str, Any]
    fixed: Mapping[str, str]
    grid: Grid
    test_lengths: tuple[int, ...] = ()
    beside: Path | None = None

    def settings(self) -> dict[str, Any]:
        """What all runs have in common, and what would change their results."""
        common = {typed(key): value for key, value in flatten(self.base).items()}
        common.update(self.fixed)
        common = {flag: _understood(flag, value) for flag, value in common.items()}
        return {key: value for key, value in common.items() if not FREE.match(key)}

    def check_same(self, other: Definition, folder: Path) -> None:
        """Make sure that runs of `other`, which are in `folder`, may stand beside runs of this.

        Raises:
            UsageError: their common settings differ.
        """
        changed = differences(other.settings(), self.settings())
        if changed:
            raise UsageError(
                f"{folder} holds runs with other settings ({describe(changed, 'there', 'here')}): "
                f"choose another place with --folder FOLDER"
            )

    def spelled_as(self, other: Definition) -> Definition:
        """The same, where a setting that `other` has too is spelled as it is there.

        Runs are named after the spelling: who types 1e-2 later means the run that has lr=0.01.
        """
        varied = {}
        for flag, values in self.grid.varied.items():
            there = other.grid.varied.get(flag, ())
            known = {} if takes_text(flag) else {understood(value): value for value in there}
            varied[flag] = tuple(known.get(understood(value), value) for value in values)
        return replace(self, grid=replace(self.grid, varied=varied))

    def dump(self, config: str, beside: str) -> str:
        """The definition as a comparison file.

        Args:
            config: name of the base config, in the folder of the file.
            beside: name of the table of what others have reported, in that folder too.
        """
        vary = {flag: list(values) for flag, values in self.grid.varied.items()}
        content: dict[str, Any] = {
            "config": config,
            "models": list(self.grid.models),
            "seeds": list(self.grid.seeds),
            "vary": vary,
            "fixed": dict(self.fixed),
        }
        if self.test_lengths:
            content["test_lengths"] = list(self.test_lengths)
        if self.beside:
            content["beside"] = beside
        return str(yaml.safe_dump({"compare": content}, sort_keys=False, default_flow_style=None))


def define(
    file: Path | None, stated: Mapping[str, Any], fixed: Mapping[str, str]
) -> tuple[Definition, Path]:
    """Put together a comparison.

    Args:
        file: a base config, or a comparison file; None for the default config.
        stated: of the keys of a comparison file, those that flags set, which go before its own.
        fixed: flags of `fit` with a dot in them, and their values.

    Returns:
        The definition, and the folder of the comparison.

    Raises:
        UsageError: something is wrong with the file, or with a value.
    """
    file = file or DEFAULT_CONFIG
    from_file, config = _read(file)
    is_own = from_file is not None and file.name == NAME
    from_file, base = from_file or {}, read_config(str(config))
    varied = {**_varied(from_file, f"{file}: "), **_varied(stated, "--")}
    fixed = {
        **{flag: as_typed(value) for flag, value in (from_file.get("fixed") or {}).items()},
        **fixed,
    }
    for flag in (*varied, *fixed):
        check_flag(flag)
    fixed = {flag: value for flag, value in fixed.items() if flag not in varied}
    models = stated.get("models", from_file.get("models")) or _model_of(base, config)
    seeds = stated.get("seeds", from_file.get("seeds"))
    if seeds is None:
        seeds = [base.get("seed_everything") or 0]
    grid = Grid(_models(models), varied, seeds_of("--seeds", seeds))
    if len(grid) > MOST_RUNS:
        raise UsageError(f"a grid of {len(grid):,} runs: there may be at most {MOST_RUNS:,}")
    lengths = _test_lengths(stated, "--") or _test_lengths(from_file, f"{file}: ")
    beside = from_file.get("beside")
    table = Path(os.path.normpath(file.parent / beside)) if beside else None
    folder = stated.get("folder") or from_file.get("folder")
    if folder:
        place = Path(str(folder)).expanduser()
    elif is_own:
        # It was written by a comparison, which goes on in its own folder.
        place = file.parent
    else:
        run = base.get("run")
        name = run.get("experiment") if isinstance(run, dict) else None
        if name is not None:
            check_folder_name("run.experiment", str(name))
        place = Path("comparisons") / str(name or config.stem)
    check_shown("--folder", str(place))
    return Definition(config, base, fixed, grid, lengths, table), place


def _read(file: Path) -> tuple[dict[str, Any] | None, Path]:
    """What a comparison file says, None of a config; and the base config, which can be read."""
    try:
        check_config(file, DEFAULT_CONFIG.parent)
        from_file = read_comparison(file)
        if from_file is None:
            return None, file
        config = Path(os.path.normpath(file.parent / from_file["config"]))
        check_config(config, DEFAULT_CONFIG.parent)
        return from_file, config
    except UsageError as error:
        if file.name != NAME or not (file.parent / "results.csv").is_file():
            raise
        # What is broken is a comparison's own.
        raise UsageError(
            f"{error}; what its runs came to is intact: python train.py plot "
            f"{shlex.quote(str(file.parent))} shows it, and --folder FOLDER compares anew"
        ) from None


def check_flag(flag: str) -> None:
    """Make sure that a flag is one that a comparison may set.

    Raises:
        UsageError: the comparison sets it itself, or `fit` has no such group of flags.
    """
    group, dot, _ = flag.partition(".")
    if group in INSTEAD and (group == "run" or not dot):
        raise UsageError(f"--{flag} is set by the comparison: use {INSTEAD[group]}")
    if group not in GROUPS:
        raise UsageError(unknown_flag(f"--{flag}", known_names("fit")))


def _varied(stated: Mapping[str, Any], where: str) -> dict[str, tuple[str, ...]]:
    """The varied flags of a file or of a command line; lengths first."""
    vary = stated.get("vary") or {}
    varied: dict[str, tuple[str, ...]] = {}
    if stated.get("lengths") is not None:
        if "data.length" in vary:
            raise UsageError(f"{where}lengths and data.length to vary are the same: choose one")
        lengths = whole_numbers(f"{where}lengths", stated["lengths"])
        varied["data.length"] = tuple(map(str, lengths))
    for flag, given in vary.items():
        varied[str(flag)] = values_of(f"{where}vary {flag}", given, takes_text(str(flag)))
    return varied


def _test_lengths(stated: Mapping[str, Any], where: str) -> tuple[int, ...]:
    given = stated.get("test_lengths")
    return () if given is None else ascending(f"{where}test_lengths", given)


def _models(given: Any) -> tuple[str, ...]:
    models = values_of("--models", given)
    for model in models:
        if not re.fullmatch(r"[A-Za-z_]\w*", model):
            raise UsageError(f"--models: must be names such as RNN,LSTM, got {model}")
    return models


def _model_of(content: Mapping[str, Any], config: Path) -> list[str]:
    """The model that a config itself names."""
    model = content.get("model")
    named = model.get("class_path") if isinstance(model, dict) else model
    if not isinstance(named, str) or not named:
        raise UsageError(f"{config} names no model: add --models A,B")
    return [named.rpartition(".")[2]]


def _understood(flag: str, value: Any) -> Any:
    """A value as a run has it, so that 0.010 typed, and 1e-2 in a file, are both 0.01.

    Only the flag tells whether it is a number: a text may look like one.
    """
    if flag in CLASS_KEYS and isinstance(value, str):
        return value.rpartition(".")[2]
    if takes_text(flag):
        return value if value is None else str(value)
    if not isinstance(value, str):
        return value
    if NUMBER.fullmatch(value.lower()):
        return int(value) if re.fullmatch(r"[-+]?\d+", value) else float(value)
    try:
        return load(value)
    except NotRead:
        return value
