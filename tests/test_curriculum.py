"""A run under a curriculum, from its first stage to its result."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.climbing import CLIMBING, LENGTH, RULES, lengths_by_force
from tests.conftest import Outcome

RUN = Path("runs/palindromes/GRU/small")
EACH = ["--trainer.log_every_n_steps=1", "--trainer.enable_progress_bar=true"]


@pytest.fixture(scope="module")
def climbed(start_process, tmp_path_factory):
    """A run that is logged at each step: its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("climbed")
    process = start_process([*CLIMBING, *EACH], folder)
    process.join(120)
    texts = [(folder / name).read_text() for name in ("out.txt", "err.txt")]
    assert process.exitcode == 0, texts[1]
    return folder / RUN, Outcome(0, *texts)


def lengths_of(curves):
    """The length at each step, from what the curves show of accuracy and loss."""
    accuracies, losses = (
        [value for _, value in curves[name]] for name in ("accuracy/train", "loss/train")
    )
    shown = list(zip(accuracies, losses, strict=True))
    return lengths_by_force(RULES, LENGTH, shown)[: len(shown)]


def changes_of(lengths):
    """The stages as result.json tells them: steps are counted from 1."""
    return [
        {"step": number + 1, "length": length}
        for number, length in enumerate(lengths)
        if number == 0 or length != lengths[number - 1]
    ]


def test_goes_through_the_stages_that_its_curves_call_for(climbed, curves_of, result_of):
    folder, _ = climbed
    curves, result = curves_of(folder), result_of(folder)
    lengths = lengths_of(curves)
    assert curves["curriculum/length"] == list(enumerate(lengths, 1))
    assert result["stages"] == changes_of(lengths)
    # Or else this run would show little.
    assert len(result["stages"]) >= 6 and lengths != sorted(lengths) and LENGTH in lengths


def test_converges_by_steps_of_the_task_alone(climbed, curves_of, result_of):
    folder, _ = climbed
    curves, result = curves_of(folder), result_of(folder)
    lengths = lengths_of(curves)
    accuracies = [value for _, value in curves["accuracy/train"]]
    means = {
        last: sum(accuracies[last - 5 : last]) / 5
        for last in range(5, len(accuracies) + 1)
        if {*lengths[last - 5 : last]} == {LENGTH}
    }
    best = max(means.values())
    assert result["best_accuracy"] == pytest.approx(best)
    assert result["step_of_best"] == next(step for step in means if means[step] >= best - 1e-9)
    converged = [step for step in means if means[step] >= 1 - 1e-6]
    assert result["steps_to_converge"] == (converged or [None])[0]
    assert result["steps"] == (converged or [100])[0]
    # Shorter ones had been solved before.
    assert sum(accuracies[: result["step_of_best"] - 5]) > 5


def test_what_a_person_reads(climbed, result_of):
    folder, outcome = climbed
    greeting, first, *closing = outcome.out.splitlines()
    assert "on palindromes, 12 digits read, 2 at first; seed 0, cpu" in greeting
    assert first.startswith("step 1/100  T  2  loss ")
    step = result_of(folder)["steps_to_converge"]
    at = "Not converged by step 100, at" if step is None else f"Converged at step {step}."
    assert closing[0].startswith(at)


def test_the_stages_are_drawn_once(climbed, train_in_process):
    folder, _ = climbed
    files = sorted(folder.iterdir())
    # A run that has ended has nothing to add.
    again = [*CLIMBING, *EACH, "--ckpt_path=last"]
    assert train_in_process(*again, folder=folder.parents[3]).code == 0
    assert sorted(folder.iterdir()) == files
    events = EventAccumulator(str(folder))
    events.Reload()
    (figure,) = events.Images("figures/curriculum")
    assert figure.step == events.Scalars("accuracy/train")[-1].step


def test_points_now_and_then_and_where_the_length_changes(
    climbed, train, tmp_path, curves_of, result_of
):
    assert train(*CLIMBING).code == 0
    stages, steps = (result_of(tmp_path / RUN)[name] for name in ("stages", "steps"))
    due = {1, *range(7, steps + 1, 7), *(stage["step"] for stage in stages), steps}
    curves, of_each = curves_of(tmp_path / RUN), curves_of(climbed[0])
    for name in ("curriculum/length", "loss/train", "accuracy/train", "optimizer/gradient_norm"):
        assert curves[name] == [point for point in of_each[name] if point[0] in due]


@pytest.mark.parametrize(
    ("ending", "step", "says"),
    [
        ("--early_stopping.patience=1", 40, "Stopped at step 40, at "),
        ("--convergence.threshold=null", 45, "Trained for 45 steps, at "),
    ],
)
def test_a_point_at_the_last_step_however_the_run_ends(
    ending, step, says, train, tmp_path, curves_of
):
    flags = ["--early_stopping.monitor=accuracy/validation", "--early_stopping.min_delta=0.9"]
    outcome = train(*CLIMBING, *flags, ending, "--trainer.max_steps=45")
    assert outcome.code == 0 and says in outcome.out
    curves = curves_of(tmp_path / RUN)
    assert curves["curriculum/length"][-1][0] == curves["loss/train"][-1][0] == step


def test_a_stage_that_never_began_is_not_told(climbed, train, tmp_path, result_of):
    first, second = result_of(climbed[0])["stages"][:2]
    assert train(*CLIMBING, f"--trainer.max_steps={second['step'] - 1}").code == 0
    assert result_of(tmp_path / RUN)["stages"] == [first]


def test_a_shorter_task_can_be_measured(climbed, train):
    file = climbed[0] / "checkpoints/last.ckpt"
    for length in (2, 20):
        outcome = train("test", f"--ckpt_path={file}", f"--data.length={length}")
        assert outcome.code == 0, outcome.err
        assert f"on palindromes, {length} digits read, from" in outcome.out


def test_a_trial_run(train, tmp_path):
    outcome = train(*CLIMBING, "--trainer.fast_dev_run=true")
    assert outcome.code == 0, outcome.err
    assert not (tmp_path / "runs").exists()


def test_two_ranks_go_through_the_stages_of_one(train_in_process, tmp_path, curves_of, result_of):
    one, two = tmp_path / "one", tmp_path / "two"
    # Rounding is all that differs, and float64 has little of it.
    flags = [*CLIMBING, "--trainer.precision=64-true"]
    ranks = ["--trainer.devices=2", "--trainer.strategy=ddp_fork"]
    for folder, more in ((one, []), (two, ranks)):
        run = train_in_process(*flags, *more, folder=folder)
        assert run.code == 0, run.err
    results = [result_of(folder / RUN) for folder in (one, two)]
    assert len(results[0]["stages"]) >= 5
    for name in ("stages", "steps", "steps_to_converge", "best_accuracy"):
        assert results[0][name] == results[1][name]
    lengths = [curves_of(folder / RUN)["curriculum/length"] for folder in (one, two)]
    assert lengths[0] == lengths[1]


def test_the_bar_is_drawn_before_the_first_step_is_whole(train, result_of):
    """The length of a step that is still to come must not end the epoch, which goes on for ever."""
    flags = [*CLIMBING, *EACH, "--trainer.accumulate_grad_batches=2", "--trainer.max_steps=3"]
    outcome = train(*flags)
    assert outcome.code == 0, outcome.err
    assert f"step 0/3  T {RULES.start:2}  " in outcome.out
    assert result_of(RUN)["steps"] == 3
