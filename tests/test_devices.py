"""Several devices: the same data, the same curves, the same decisions as one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent
RUN = Path("runs/palindromes/RRN/small")
TWO = ["--trainer.devices=2", "--trainer.strategy=ddp_fork"]
DDP = ["--trainer.devices=2", "--trainer.strategy=ddp"]
# The default experiment, for as many steps as are compared, logged at every one.
FIFTY = [
    "--data.length=10",
    "--data.batch_size=128",
    "--model.encoding=scalar",
    "--model.hidden_size=128",
    "--optimizer.lr=0.001",
    "--trainer.max_steps=50",
    "--trainer.log_every_n_steps=1",
]


def keep_weights_of_each_rank() -> None:
    """Let every rank write its weights when its training ends."""
    from lightning_modules import RRN

    def on_train_end(self) -> None:
        steps = self.trainer.global_step
        torch.save((steps, self.state_dict()), f"rank_{self.global_rank}.pt")

    RRN.on_train_end = on_train_end


@pytest.fixture
def launch():
    """Start the program as a person does; what it prints goes to out.txt and err.txt."""
    processes = []

    def start(arguments: list[str], folder: Path, torchrun: bool = False) -> subprocess.Popen:
        folder.mkdir(exist_ok=True)
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
        command = [sys.executable, *(launcher if torchrun else []), str(ROOT / "train.py")]
        with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as err:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            process = subprocess.Popen(
                command + arguments, cwd=folder, env=environment, stdout=out, stderr=err
            )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.terminate()
        process.wait(60)


def step_of_last(folder: Path) -> int:
    """Of the run's last checkpoint; -1 if there is none yet."""
    file = folder / RUN / "checkpoints/last.ckpt"
    return torch.load(file)["global_step"] if file.exists() else -1


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Return once the condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def child_of(pid: int) -> int:
    """The process that another one has started."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    (child,) = [child for thread in threads for child in thread.read_text().split()]
    return int(child)


def test_ranks_end_with_identical_weights(train_in_process, tmp_path, small):
    run = train_in_process(*small, *TWO, prepare=keep_weights_of_each_rank)
    assert run.code == 0, run.err
    (steps, first), (_, second) = (torch.load(tmp_path / f"rank_{rank}.pt") for rank in (0, 1))
    assert steps == 60
    for name in first:
        assert torch.equal(first[name], second[name]), name
    saved = torch.load(tmp_path / RUN / "checkpoints/last.ckpt", weights_only=True)
    assert torch.equal(saved["state_dict"]["readout.weight"], first["readout.weight"])


# Ranks add up their gradients in another order, which rounds otherwise. RMSprop divides by the size
# of a gradient and so turns the rounding of the smallest ones into steps of full length: at a rate
# of 1e-3 and in float32, losses of an RNN come to differ by 3e-5 to 4e-3, by the seed and the
# processor. At a tenth of it they do not, nor do those of an RRN whose state cannot explode.
SGD = ["--optimizer=SGD", "--optimizer.lr=0.01"]
SLOW = ["--optimizer.lr=1e-4"]
DOUBLE = ["--trainer.precision=64-true"]
MODELS = {"RNN": [], "LSTM": [], "RRN": ["--model.inhibitory=true"], "GRU": []}
CASES = {
    **{f"{name}, SGD in float32": (name, [*SGD, *own], 1e-5) for name, own in MODELS.items()},
    **{f"{name}, RMSprop in float32": (name, [*SLOW, *own], 1e-5) for name, own in MODELS.items()},
    **{f"{name}, RMSprop in float64": (name, DOUBLE, 1e-6) for name in MODELS},
}


@pytest.mark.parametrize(("model", "settings", "tolerance"), CASES.values(), ids=CASES)
def test_two_ranks_follow_the_losses_of_one(
    model, settings, tolerance, train_in_process, tmp_path, small, curves_of
):
    flags = [*small, *FIFTY, f"--model={model}", *settings]
    one, two = tmp_path / "one", tmp_path / "two"
    assert train_in_process(*flags, folder=one).code == 0
    assert train_in_process(*flags, *TWO, folder=two).code == 0
    run = RUN.parent.parent / model / "small"
    of_one, of_two = (curves_of(folder / run) for folder in (one, two))
    losses = dict(of_one["loss/train"])
    assert list(losses) == list(range(1, 51))
    assert dict(of_two["loss/train"]) == pytest.approx(losses, rel=tolerance)
    # Metrics add up in float32.
    assert dict(of_two["loss/validation"]) == pytest.approx(
        dict(of_one["loss/validation"]), rel=1e-5
    )


def test_both_ranks_stop_at_the_same_step(train_in_process, tmp_path, small, result_of):
    flags = [*small, "--convergence.threshold=0.95", "--trainer.max_steps=600"]
    run = train_in_process(*flags, *TWO, prepare=keep_weights_of_each_rank)
    assert run.code == 0, run.err
    stopped_at = [torch.load(tmp_path / f"rank_{rank}.pt")[0] for rank in (0, 1)]
    assert stopped_at[0] == stopped_at[1] == result_of(tmp_path / RUN)["steps_to_converge"]
    assert stopped_at[0] < 600


@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_rank_stops_both_and_resumes(
    rank, launch, train_in_process, tmp_path, small, curves_of
):
    flags = [*small, *DDP, "--trainer.max_steps=400", "--data.batch_size=128"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train_in_process(*flags, *TWO, folder=whole).code == 0
    main = launch(flags, parts)
    wait_for(lambda: step_of_last(parts) >= 15)
    os.kill(main.pid if rank == 0 else child_of(main.pid), signal.SIGTERM)
    main.wait(60)
    error = (parts / "err.txt").read_text()
    assert main.returncode == 143, error
    stopped_at = step_of_last(parts)
    assert 15 <= stopped_at < 400
    assert f"Interrupted at step {stopped_at};" in error
    resumed = launch([*flags, "--ckpt_path=last"], parts)
    assert resumed.wait(200) == 0

    ends = [torch.load(each / RUN / "checkpoints/last.ckpt") for each in (whole, parts)]
    for name, tensor in ends[0]["state_dict"].items():
        assert torch.equal(tensor, ends[1]["state_dict"][name]), name
    for name in ("loss/train", "accuracy/train", "loss/validation"):
        assert curves_of(whole / RUN)[name] == curves_of(parts / RUN)[name]


def test_resumed_on_another_number_of_devices(train_in_process, tmp_path, small):
    assert train_in_process(*small, "--trainer.max_steps=33").code == 0
    resumed = train_in_process("--ckpt_path", str(RUN), *TWO, "--trainer.max_steps=60")
    assert resumed.code == 0, resumed.err
    assert step_of_last(tmp_path) == 60


@pytest.mark.parametrize("launcher", ["ddp", "torchrun"])
def test_launched_as_a_person_does(launcher, launch, tmp_path, small, result_of):
    process = launch([*small, *DDP, "--trainer.max_steps=20"], tmp_path, launcher == "torchrun")
    assert process.wait(200) == 0, (tmp_path / "err.txt").read_text()
    result = result_of(tmp_path / RUN)
    assert (result["devices"], result["steps"]) == (2, 20)
    assert (tmp_path / "out.txt").read_text().count("Not converged by step 20.") == 1


@pytest.mark.skipif(torch.cuda.device_count() < 1, reason="needs a GPU")
def test_one_gpu_learns_as_the_cpu_does(train_in_process, tmp_path, small, curves_of):
    flags = [*small, *FIFTY]
    cpu, gpu = tmp_path / "cpu", tmp_path / "gpu"
    assert train_in_process(*flags, folder=cpu).code == 0
    assert train_in_process(*flags, "--trainer.accelerator=gpu", folder=gpu).code == 0
    losses = [dict(curves_of(folder / RUN)["loss/train"]) for folder in (cpu, gpu)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus(train_in_process, tmp_path, small, result_of):
    gpus = ["--trainer.accelerator=gpu", "--trainer.devices=2", "--trainer.strategy=ddp"]
    run = train_in_process(*small, *gpus)
    assert run.code == 0, run.err
    assert result_of(tmp_path / RUN)["devices"] == 2
