"""Every command that README shows does what it says, shortened where it is long."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.tiny_planetoid import stand_in_for_cora

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Enough for each command to do all that it does: train, validate, write a checkpoint, end.
SHORT = [
    "--trainer.max_steps=4",
    "--trainer.val_check_interval=2",
    "--trainer.enable_progress_bar=false",
    "--data.evaluation_size=16",
    "--data.batch_size=8",
]
# Machines that a test does not have.
ON_CPU = {
    "--trainer.accelerator gpu": "--trainer.accelerator cpu",
    "--trainer.devices 4": "--trainer.devices 2",
    "--trainer.num_nodes 2": "--trainer.num_nodes 1",
    "--trainer.strategy ddp": "--trainer.strategy ddp_fork",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    text = "\n".join(blocks("bash")).replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


# The texts that README names, in place of the real ones: which would have to be downloaded.
CORPORA = ("tiny_shakespeare", "monte_cristo")
CHARACTERS = "configs/characters"
GRAPHS = ("configs/graphs.yaml", "configs/cell_gcn.yaml", "configs/gcnii.yaml")


def write_corpora(folder: Path) -> None:
    """Texts of the names that README shows, each of a few speeches."""
    (folder / "text").mkdir(parents=True)
    for name in CORPORA:
        text = "HAMLET:\nTo be, or not to be.\n\nOPHELIA:\nGood my lord,\n\n" * 20
        (folder / "text" / f"{name}.txt").write_text(text, encoding="utf-8")


def take_data_from(folder: str) -> None:
    """Read texts and graphs from a folder, whatever their hashes."""
    from datamodules.planetoid import HASHES

    os.environ["DATA_ROOT"] = folder
    HASHES["cora"] = stand_in_for_cora(Path(folder))


def is_of_graphs(command: str) -> bool:
    return any(config in command for config in GRAPHS)


def arguments_of(command: str) -> list[str]:
    """What is typed behind train.py, for a machine with two CPU cores and no time."""
    for there, here in ON_CPU.items():
        command = command.replace(there, here)
    arguments = shlex.split(command.partition("train.py")[2])
    if {"--help", "generate", "play"} & set(arguments):
        return arguments
    if "runs/graphs" in command:
        return arguments
    if is_of_graphs(command):
        return arguments + SHORT[:3]
    if CHARACTERS in command:
        return (
            arguments + [flag for flag in SHORT if "evaluation" not in flag] + ["--data.length=9"]
        )
    short = SHORT if not {"test", "validate"} & set(arguments) else SHORT[3:]
    # A resumed run keeps its data as they are.
    resumes = "--ckpt_path" in arguments and "fit" in arguments and "last" not in arguments
    short = [flag for flag in short if not (resumes and flag.startswith("--data."))]
    if "--trainer.max_steps" in arguments:
        short = [flag for flag in short if "max_steps" not in flag]
        arguments[arguments.index("--trainer.max_steps") + 1] = "6"
    return arguments + short


def test_every_training_command_works_in_order(train_in_process, tmp_path):
    training = [c for c in commands() if c.startswith(("python train.py", "torchrun"))]
    assert len(training) >= 20
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    write_corpora(tmp_path / "data")
    with_data = partial(take_data_from, str(tmp_path / "data"))
    # Names are derived from the flags, so a shortened run would get another one.
    for command in training:
        arguments = arguments_of(command)
        named = "--ckpt_path" in arguments or "--help" in arguments
        plain = command in COMPARED
        if "tiny_shakespeare" in arguments:
            # The name that it has if nothing is shortened.
            arguments.append("--run.name=corpus=tiny_shakespeare")
            named = True
        if plain or "last" in arguments:
            arguments.append("--run.name=default")
        elif not named:
            arguments.append(f"--run.name=run-{training.index(command)}")
        if "Cora" in arguments:
            arguments.append("--run.name=dataset=Cora")
            named = True
        run = train_in_process(*arguments, prepare=with_data)
        assert run.code == 0, f"{command}\n{run.err}"
    assert (tmp_path / "runs/palindromes/RRN/default/result.json").is_file()


COMPARED = ["python train.py", *(f"python train.py --model {m}" for m in ("LSTM", "RNN", "GRU"))]


def test_the_quick_start_is_two_commands():
    quick = README.partition("## Quick start")[2].partition("\n## ")[0]
    assert re.findall(r"```bash\n(.*?)\n```", quick) == ["make train", "make test"]


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("make")])
def test_make_knows_its_targets(command):
    dry = subprocess.run([*command.split(), "-n"], cwd=ROOT, capture_output=True, text=True)
    assert dry.returncode == 0, dry.stderr


CONFIGS = sorted(ROOT.glob("configs/*.yaml"))
OF_SEQUENCES = [path for path in CONFIGS if not is_of_graphs(str(path))]
every_config = pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
every_cell = pytest.mark.parametrize("cell", ["RNN", "LSTM", "RRN", "GRU"])


@pytest.mark.parametrize("config", OF_SEQUENCES, ids=lambda path: path.stem)
@every_cell
def test_every_config_of_sequences_trains_every_cell(config, cell, train):
    if CHARACTERS in str(config):
        flags = ["--model.cell", cell, "--data.corpus=python_docs", "--data.length=9"]
        flags += ["--trainer.limit_val_batches=2", *SHORT]
        flags = [flag for flag in flags if "evaluation" not in flag]
    else:
        flags = ["--model", cell, *SHORT]
    run = train("fit", "--config", str(config), *flags)
    assert run.code == 0, run.err


@pytest.mark.parametrize("network", ["GCN", "CellGCN", "GCNII"])
@pytest.mark.parametrize("config", GRAPHS)
def test_every_config_of_graphs_trains_every_network(config, network, train):
    flags = ["--model", network, "--data.dataset=KarateClub", *SHORT[:3]]
    run = train("fit", "--config", str(ROOT / config), *flags)
    assert run.code == 0, run.err


@every_config
def test_every_key_of_a_config_is_explained(config):
    lines = [line for line in config.read_text().splitlines() if re.match(r" *\w+: \S", line)]
    silent = [line for line in lines if "#" not in line and "class_path" not in line]
    assert silent in ([], [f"  experiment: {config.stem}"])


def test_pictures_and_links_are_there():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target


def test_the_overlay_command_draws(train, tmp_path):
    assert train(*SHORT, "--run.name=default").code == 0
    (command,) = [c for c in commands() if "figures.overlay" in c]
    module, *arguments = shlex.split(command.removeprefix("python -m "))
    run = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "four_cells.png").read_bytes().startswith(b"\x89PNG")


def test_python_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for example in blocks("python"):
        short = example.replace("max_steps=100", "max_steps=2, enable_progress_bar=False")
        short = short.replace("Trainer(", "Trainer(enable_model_summary=False, ")
        with pytest.warns():
            exec(compile(short, "README.md", "exec"), {})


def test_flags_in_the_tables_exist(train):
    parts = {part.partition("\n")[0]: part for part in README.split("\n## ")}
    of_text = ["fit", "--config", str(ROOT / f"{CHARACTERS}.yaml"), "--data.length=9"]
    of_text += ["--trainer.limit_val_batches=2"]
    of_graphs = ["fit", "--config", str(ROOT / GRAPHS[0])]
    for title, base, least in (
        ("Write", of_text, 6),
        ("Classify the nodes of a graph", of_graphs, 9),
        ("Flags", SHORT, 12),
    ):
        section = parts[title]
        cells = re.findall(r"^\| (`--.*`) \| ", section, re.MULTILINE)
        flags_of_rows = [flag for cell in cells for flag in re.findall(r"`([^`]+)`", cell)]
        assert len(flags_of_rows) >= least
        for row in flags_of_rows:
            flags = shlex.split(row.replace("\\|", "|").replace("NAME|FILE", "python_docs"))
            flags = [flag.partition("|")[0] for flag in flags]
            if row.startswith("--model.forget_bias"):
                flags = ["--model", "LSTM", *flags]
            name = re.sub(r"\W", "-", row)
            run = train(*base, *flags, "--trainer.max_steps=1", f"--run.name={name}")
            assert run.code == 0, f"{row}: {run.err}"


@pytest.mark.parametrize("times", [1, 2])
def test_the_slurm_script_resumes_what_was_requeued(times, tmp_path, train_in_process):
    """Two tools of the cluster are stood in for: srun notes its arguments, and was told to stop."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, status in (("srun", 143), ("scontrol", 0)):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/{name}.txt\nexit {status}\n')
        tool.chmod(0o755)
    if times == 2:
        checkpoints = tmp_path / "runs/palindromes/LSTM/slurm-7/checkpoints"
        checkpoints.mkdir(parents=True)
        (checkpoints / "last.ckpt").touch()
    (command,) = [c for c in commands() if c.startswith("sbatch")]
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    script = ["bash", str(ROOT / "configs/slurm.sh"), *shlex.split(command)[2:]]
    run = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 143, run.stderr
    assert (tmp_path / "scontrol.txt").read_text() == "requeue 7\n"
    called = (tmp_path / "srun.txt").read_text()
    assert ("--ckpt_path last" in called) == (times == 2)
    if times == 1:
        outcome = train_in_process(*arguments_of(called))
        assert outcome.code == 0, outcome.err
        assert (tmp_path / "runs/palindromes/LSTM/slurm-7/result.json").is_file()


def test_the_python_versions_of_setup_cfg_are_those_of_the_readme():
    assert "python_requires = >=3.10" in (ROOT / "setup.cfg").read_text()
    assert "Python 3.10 or newer" in README


def test_configs_are_plain_yaml():
    for config in ROOT.glob("configs/*.yaml"):
        assert isinstance(yaml.safe_load(config.read_text()), dict)
