"""Runs of a config without the program are those of the program."""

from __future__ import annotations

import pytest

from benchmarks.repeated import CONFIGS, Task, run, run_all

pytestmark = [
    # What the program silences as well.
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
]


@pytest.mark.parametrize("seed", [0, 3])
def test_a_seed_is_that_of_the_program(seed, train, result_of, tmp_path):
    flags = ["--config", str(CONFIGS / "graphs.yaml"), f"--seed_everything={seed}"]
    flags += ["--model.hidden_size=5", "--trainer.max_steps=30", "--trainer.accelerator=cpu"]
    flags += ["--run.name=small", "--trainer.enable_progress_bar=false"]
    assert train("fit", *flags).code == 0
    theirs = result_of(tmp_path / "runs/graphs/GCN/small")
    ours = run(Task("graphs.yaml", seed, {"model.hidden_size": 5, "trainer.max_steps": 30}))
    best = theirs["best_validation"]
    assert ours == {
        "step": best["step"],
        "steps": theirs["steps"],
        "loss/validation": best["loss"],
        "accuracy/validation": best["accuracy"],
        "loss/test": best["test_loss"],
        "accuracy/test": best["test_accuracy"],
    }


def test_results_come_in_the_order_of_the_tasks():
    tasks = [Task("graphs.yaml", seed, {"trainer.max_steps": 3}) for seed in (2, 0, 1)]
    assert list(run_all(tasks, jobs=2)) == [run(task) for task in tasks]
