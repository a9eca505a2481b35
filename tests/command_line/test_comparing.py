"""compare shows its grid, and refuses what cannot be right in one line."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from command_line.comparing import threads_of_run
from command_line.comparing_flags import carried_out, parser_of_compare, take_fixed
from comparison import words
from comparison.folder import ComparisonFolder

WRONG = {
    "flag": ("--modles RNN", "unknown flag --modles, did you mean --models?"),
    "flag of fit": ("--model RNN", "unknown flag --model, did you mean --models?"),
    "group": ("--triner.max_steps 5", "unknown flag --triner.max_steps, did you mean --trainer.m"),
    "word": ("RNN", "unexpected RNN: python train.py compare takes flags only"),
    "no value": ("--lengths", "--lengths needs a value"),
    "no value of fit": ("--data.length --seeds 3", "--data.length needs a value"),
    "lengths": ("--lengths 9:3", "--lengths: the range 9:3 is empty"),
    "seeds": ("--seeds none", "--seeds: must be whole numbers"),
    "vary": ("--vary data.length", "--vary: must be FLAG=A,B, got data.length"),
    "vary nothing": ("--vary data.length=", "--vary data.length: must be a list such as A,B"),
    "vary twice": ("--vary a.b=1 --vary a.b=2", "--vary a.b is given twice"),
    "vary models": ("--vary model=RNN,LSTM", "--model is set by the comparison: use --models A,B"),
    "lengths twice": ("--lengths 3 --vary data.length=4", "are the same: choose one"),
    "jobs": ("--jobs 0", "--jobs: must be at least 1, got 0"),
    "threads": ("--threads 0", "--threads: must be at least 1, got 0"),
    "jobs beyond all machines": (f"--jobs {10**18}", "--jobs: must be at most 1024, got 1000"),
    "runs beyond all patience": (
        "--seeds 10000 --lengths 1:1000",
        "a grid of 10,000,000 runs: there may be at most 100,000",
    ),
    "engine": ("--engine slurm", "--engine: must be one of local, ray, got slurm"),
    "gpus": ("--gpus_per_run 0.5", "--gpus_per_run goes with --engine ray"),
    "config": ("--config none.yaml", "no config at none.yaml; there are"),
    "no gpus": ("--engine ray --gpus_per_run nan", "--gpus_per_run: must be above 0, got nan"),
    "name beyond all names": (f"--folder {'x' * 300} --dry_run", "no file has so long a name"),
    "folder": ("--folder small.yaml", "small.yaml is not a folder"),
    "name": ("--run.name mine", "--run.name is set by the comparison: use --folder FOLDER"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line_and_writes_nothing(case, train, small_config, tmp_path):
    arguments, message = WRONG[case]
    outcome = train("compare", *shlex.split(arguments))
    assert outcome.code == 2
    assert outcome.err.startswith("train.py: error: ") and message in outcome.err
    assert outcome.err.count("\n") == 1 and not outcome.out
    assert list(tmp_path.iterdir()) == [small_config]


def test_a_setting_that_fit_does_not_know_is_told_before_any_run(
    start_process, train, small_config, tmp_path
):
    flags = ["--config", str(small_config), "--vary", "optimizer.lrr=0.1", "--seeds=2"]
    outcome = train("compare", *flags)
    assert outcome.code == 2
    assert "optimizer.lrr: RMSprop has no setting lrr, did you mean lr?" in outcome.err
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [small_config]


DRY = {
    "text for a number": ("--trainer.max_steps=abc", "trainer.max_steps: must be a whole number"),
    "unknown flag": (
        "--vary trainer.max_stps=3",
        "did you mean --trainer.max_steps",
    ),
    "length": ("--lengths=-1", "length must be at least 2, got -1"),
    "no folder": ("--folder small.yaml/x", "cannot write to small.yaml/x: Not a directory; choose"),
    "a model of one's own": ("--config own.yaml", None),
    "text": ("--config text.yaml", "corpus '/no/where' is neither a file nor one of python_docs"),
    # Only a run, which may download it, can tell whether it is right.
    "text that is not here": ("--config text.yaml --data.corpus monte_cristo", None),
}
TEXT = """\
model: {class_path: CharGenerator, init_args: {hidden_size: 8}}
data: {class_path: Text, init_args: {corpus: /no/where}}
optimizer: {class_path: Adam, init_args: {lr: 0.01}}
trainer: {accelerator: cpu, devices: 1}
"""
# A config names it by its path; the runs of a comparison, by its name.
OWN = """\
from lightning_modules import RRN


class Wider(RRN):
    pass
"""


@pytest.mark.parametrize("case", DRY)
def test_the_dry_run_checks_what_the_runs_check(
    case, start_process, train, small_config, tmp_path, monkeypatch
):
    flags, message = DRY[case]
    small_config.with_name("text.yaml").write_text(TEXT)
    small_config.with_name("wider.py").write_text(OWN)
    own = small_config.read_text().replace("RRN", "wider.Wider")
    small_config.with_name("own.yaml").write_text(own)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "data"))
    before = sorted(tmp_path.iterdir())
    outcome = train("compare", "--config=small.yaml", *shlex.split(flags), "--dry_run")
    if message is None:
        assert outcome.code == 0, outcome.err
    else:
        assert outcome.code == 2 and message in outcome.err and not outcome.out
        assert outcome.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_the_grid_is_shown_in_80_columns(train, small_config, tmp_path, monkeypatch):
    monkeypatch.setattr("comparison.conduct.Conductor.check", lambda *_: None)
    outcome = train(
        *("compare", "-c", "small.yaml", "--models=RNN,LSTM", "--lengths=5:100:5", "--seeds=3"),
        *("--vary", "optimizer=SGD,Adam", "--trainer.max_steps", "5", "--dry_run", "--jobs=3"),
    )
    assert outcome.code == 0, outcome.err
    assert "240 runs: 2 models x 20 lengths x 2 optimizers x 3 seeds" in outcome.out
    for said in (
        "RNN, LSTM",
        "5, 10, 15, ..., 100 (20 values)",
        "SGD, Adam",
        "5 in all",
        "none of them begun",
        "3 at once",
        "comparisons/small",
    ):
        assert said in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert list(tmp_path.iterdir()) == [small_config]


def test_help(train, capfd):
    with pytest.raises(SystemExit) as ended:
        train("compare", "--help")
    assert ended.value.code == 0
    shown = capfd.readouterr().out
    for flag in ("--models", "--lengths", "--seeds", "--vary", "--jobs", "--retry_failed"):
        assert flag in shown


def test_flags_of_fit_are_parted_from_those_of_compare():
    typed = ["--optimizer", "SGD", "--jobs", "2", "--a.b=1=2", "--vary", "c.d=3", "--config=x.yaml"]
    ours, fixed = take_fixed(typed)
    assert ours == ["--jobs", "2", "--vary", "c.d=3", "--config=x.yaml"]
    assert fixed == {"optimizer": "SGD", "a.b": "1=2"}


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ("--models RNN --seeds 3 --folder x", ""),
        ("--jobs=2 --threads 4", "--jobs 2 --threads 4"),
        ("--engine ray --gpus_per_run .25", "--engine ray --gpus_per_run 0.25"),
    ],
)
def test_how_a_comparison_is_carried_out_is_part_of_how_to_go_on(flags, kept, tmp_path):
    parser = parser_of_compare()
    how = carried_out(parser.parse(flags.split()))
    assert " ".join(how) == kept
    folder = ComparisonFolder(Path("-my comparison's"))
    said = words.interrupted(folder, how).splitlines()[-1]
    command = shlex.split(said)
    assert command[:3] == ["python", "train.py", "compare"]
    again = parser.parse(command[3:])
    assert Path(again.config) == Path("-my comparison's/comparison.yaml")
    assert carried_out(again) == how


@pytest.mark.parametrize(
    ("wanted", "jobs", "of_config", "threads"),
    [
        (8, 4, 1, 2),
        (2, 4, 1, 1),
        (None, 1, 1, None),
        (None, 2, 4, 2),
        (None, 8, 1, None),
        (None, 1, None, 4),
        (None, 2, None, 2),
        (None, 8, None, 1),
    ],
)
def test_threads_are_divided_among_the_jobs(wanted, jobs, of_config, threads, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)))
    assert threads_of_run(wanted, jobs, of_config) == threads
