"""Wrong input ends with exit code 2, one line that says what would be right, and nothing else.

Nothing else: what was in the working folder before is there afterwards, byte for byte.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

RUN = "runs/palindromes/RRN/small"
LAST = f"{RUN}/checkpoints/last.ckpt"
# Exactly the command of the run that stands in every folder here.
AGAIN = f"fit --config {RUN}/config.yaml"
TWO = ["--trainer.devices=2", "--trainer.strategy=ddp_fork"]


class Wrong(NamedTuple):
    """A wrong command, words that its error must say, and what to do to the folder before."""

    command: str
    says: list[str]
    prepare: Callable[[], Any] = lambda: None


class RunsCode:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.mkdir, ("executed",)


def config(text: str | bytes) -> Callable[[], Any]:
    """Write wrong.yaml."""
    content = text if isinstance(text, bytes) else text.encode()
    return lambda: Path("wrong.yaml").write_bytes(content)


def model_config(settings: str) -> Callable[[], Any]:
    """Write wrong.yaml with these settings below the model."""
    return config(f"model: {{class_path: RRN, init_args: {{{settings}}}}}\ndata: Palindromes\n")


def checkpoint(content: Any) -> Callable[[], Any]:
    """Write wrong.ckpt: bytes as they are, anything else as torch does."""
    if isinstance(content, bytes):
        return lambda: Path("wrong.ckpt").write_bytes(content)
    return lambda: torch.save(content, "wrong.ckpt")


def cut_in_half() -> None:
    os.truncate(LAST, Path(LAST).stat().st_size // 2)


def blank_out() -> None:
    """Zeros in the first half, where the pickle is; the directory of the zip stays readable."""
    content = Path(LAST).read_bytes()
    half = len(content) // 2
    Path(LAST).write_bytes(content[:100] + bytes(half - 100) + content[half:])


def zip_of_a_text() -> None:
    with zipfile.ZipFile("wrong.ckpt", "w") as archive:
        archive.writestr("poem.txt", "no tensor in here")


COMMANDS = {
    "unknown subcommand": Wrong("tset", ["unknown subcommand tset", "mean test?", "validate"]),
    "unknown model": Wrong("--model LSTMM", ["unknown model LSTMM", "mean LSTM?", "GRU, LSTM, R"]),
    "unknown data": Wrong("--data Palindrome", ["unknown data", "mean Palindromes?"]),
    "unknown optimizer": Wrong("--optimizer adamm", ["unknown optimizer", "mean Adam?"]),
    "unknown schedule": Wrong("--lr_scheduler StepLRR", ["unknown lr_scheduler", "mean StepLR?"]),
    "model of another experiment": Wrong(
        "--model CharGenerator", ["reads characters", "Palindromes gives digits", "--config"]
    ),
    "base of models": Wrong(
        "--model SequenceClassifier", ["model is only a base of others", "GRU", "RRN"]
    ),
    "unknown flag": Wrong("--modell LSTM", ["unknown flag --modell", "mean --model?"]),
    "unknown trainer flag": Wrong(
        "--trainer.max_stps 1", ["unknown flag --trainer.max_stps", "mean --trainer.max_steps?"]
    ),
    "abbreviated flag": Wrong(
        "--trainer.max_step 1", ["unknown flag --trainer.max_step", "mean --trainer.max_steps?"]
    ),
    "abbreviated --config": Wrong("--conf x.yaml", ["unknown flag --conf", "mean --config?"]),
    "unknown model flag": Wrong(
        "--model.hidden 8", ["model.hidden: RRN has no setting hidden", "mean hidden_size?"]
    ),
    "unknown optimizer flag": Wrong(
        "--optimizer.momentun 0", ["RMSprop has no setting momentun", "mean momentum?"]
    ),
    "stray word": Wrong("fit LSTM", ["LSTM"]),
    "line break": Wrong("'a\nb'", ["unknown subcommand a b"]),
    "flag without value": Wrong("fit --trainer.max_steps", ["--trainer.max_steps needs a value"]),
    "help about no class": Wrong("--model.help LSTMM", ["unknown model LSTMM", "mean LSTM?"]),
    "group that is no file": Wrong("--trainer nowhere.yaml", ["no settings", "nowhere.yaml"]),
    "--config without value": Wrong("--config", ["--config needs a value"]),
    "--ckpt_path without value": Wrong("--ckpt_path", ["--ckpt_path needs a value"]),
    "flag in place of a path": Wrong("--ckpt_path --model=RNN", ["--ckpt_path needs a value"]),
}
VALUES = {
    "text for a number": Wrong("--data.length ten", ["data.length: must be a whole number", "ten"]),
    "fraction": Wrong("--model.hidden_size 1.5", ["model.hidden_size: must be a whole", "got 1.5"]),
    "text for a rate": Wrong("--optimizer.lr fast", ["optimizer.lr", "must be a number, got fast"]),
    "text for momentum": Wrong(
        "--optimizer.momentum abc", ["optimizer.momentum: must be a number, got abc"]
    ),
    "text for a number or null": Wrong(
        "--trainer.max_epochs few", ["trainer.max_epochs: must be a whole number", "got few"]
    ),
    "text for a seed": Wrong(
        "--seed_everything x", ["seed_everything: must be a whole number, got x"]
    ),
    "text for devices": Wrong("--trainer.devices x", ["devices must be a number", "got x"]),
    "negative seed": Wrong("--seed_everything=-1", ["-1", "from 0 to 4294967295"]),
    "not one of few": Wrong(
        "--model.encoding onehot", ["model.encoding: must be one of scalar, one_hot, got onehot"]
    ),
    "not one of many": Wrong(
        "--trainer.precision 17", ["trainer.precision: must be one of", "64-true", "got 17"]
    ),
    "setting of another class": Wrong(
        "--model.forget_bias 1", ["model.forget_bias: RRN has no setting forget_bias\n"]
    ),
    "length below 2": Wrong("--data.length 1", ["length must be at least 2, got 1"]),
    "no hidden units": Wrong("--model.hidden_size 0", ["hidden_size must be at least 1, got 0"]),
    "no window": Wrong("--convergence.window 0", ["window must be at least 1, got 0"]),
    "high threshold": Wrong("--convergence.threshold 2", ["threshold must be", "at most 1, got 2"]),
    "a length to the base of 60": Wrong(
        "--data.length 1:30", ["data.length: must be a whole number, got 1:30"]
    ),
    "half a thread": Wrong("--threads 1.5", ["threads: must be a whole number, got 1.5"]),
    "no threads": Wrong("--threads 0", ["threads: must be", "above 0"]),
    "no checkpoints": Wrong("--checkpoints.every_n_steps 0", ["every_n_steps must be at least 1"]),
    "seed beyond 64 bits": Wrong(
        f"--data.training_seed {2**64}", ["training_seed must be below 2^64"]
    ),
    "negative rate": Wrong("--optimizer.lr=-1", ["optimizer", "Invalid learning rate: -1.0"]),
    "unknown initialization": Wrong(
        "--model.initialization xavir", ["'xavir'", "mean 'xavier'?", "study, xavier, orthogonal"]
    ),
    "classes by hand": Wrong(
        "--model.num_classes 7", ["model.num_classes comes from the data", "10"]
    ),
    "schedule without its steps": Wrong(
        "--lr_scheduler StepLR", ["StepLR needs --lr_scheduler.step_size VALUE"]
    ),
    "schedule's steps without schedule": Wrong(
        "--lr_scheduler.step_size 9", ["lr_scheduler.step_size", "--lr_scheduler NAME"]
    ),
    "optimiser that is no optimiser": Wrong(
        "--optimizer torch.nn.Linear", ["unknown optimizer torch.nn.Linear"]
    ),
    "schedule's text for a number": Wrong(
        "--lr_scheduler StepLR --lr_scheduler.step_size x",
        ["lr_scheduler.step_size: must be a whole number, got x\n"],
    ),
    "indivisible batch": Wrong(
        "--trainer.accumulate_grad_batches 3", ["data.batch_size 128", "a multiple of 3"]
    ),
    "no batch a step": Wrong(
        "--trainer.accumulate_grad_batches 0", ["accumulate_grad_batches", "at least 1"]
    ),
    "no steps between validations": Wrong("--trainer.val_check_interval 0", ["val_check_interval"]),
}
CONFIGS = {
    "missing config": Wrong("--config palindrome.yml", ["palindrome.yml", "configs/palindromes.y"]),
    "config of another folder": Wrong("--config palindromes.yaml", ["configs/palindromes.yaml"]),
    "broken YAML": Wrong("wrong.yaml", ["wrong.yaml is not YAML, line 2"], config("a: [1,\n")),
    "empty": Wrong("wrong.yaml", ["wrong.yaml", "holds no 'key: value' pairs"], config("")),
    "list": Wrong("wrong.yaml", ["wrong.yaml", "holds no 'key: value' pairs"], config("- model\n")),
    "not UTF-8": Wrong("wrong.yaml", ["not text in UTF-8"], config("model: é".encode("latin-1"))),
    "UTF-16": Wrong("wrong.yaml", ["is UTF-16; save it as"], config("model: RNN".encode("utf-16"))),
    "YAML that runs code": Wrong(
        "wrong.yaml", ["not YAML"], config("model: !!python/object/apply:os.mkdir [executed]")
    ),
    "no model": Wrong("wrong.yaml", ["model", "RRN"], config("data: Palindromes\n")),
    "no data": Wrong("wrong.yaml", ["data", "Palindromes"], config("model: RRN\n")),
    "unknown key": Wrong(
        "wrong.yaml",
        ["unknown key trainr.max_steps", "mean trainer.max_steps?"],
        config("model: RRN\ndata: Palindromes\ntrainr:\n  max_steps: 1\n"),
    ),
    "unknown key below trainer": Wrong(
        "wrong.yaml",
        ["unknown key trainer.max_step", "mean trainer.max_steps?"],
        config("model: RRN\ndata: Palindromes\ntrainer:\n  max_step: 1\n"),
    ),
    "unknown key below model": Wrong(
        "wrong.yaml",
        ["model.hidden: RRN has no setting hidden", "mean hidden_size?"],
        model_config("hidden: 8"),
    ),
    "number for a mapping": Wrong(
        "wrong.yaml", ["trainer"], config("model: RRN\ndata: Palindromes\ntrainer: 3\n")
    ),
    "wrong type": Wrong(
        "wrong.yaml",
        ["model.hidden_size: must be a whole", "ten"],
        model_config("hidden_size: ten"),
    ),
    "wrong choice": Wrong(
        "wrong.yaml", ["must be one of scalar, one_hot, got 3"], model_config("encoding: 3")
    ),
}
LONG = "x" * 300
CHECKPOINTS = {
    "name beyond all files": Wrong(LONG, [f"no checkpoint at {LONG}"]),
    "missing checkpoint": Wrong(f"{RUN}/checkpoints/lst.ckpt", [LAST, "best.ckpt"]),
    "missing run": Wrong("runs/palindromes/RRN/smal", ["no checkpoint at", "small"]),
    "folder of runs": Wrong("runs/palindromes", ["is not the folder of a run"]),
    "cut in half": Wrong(RUN, ["is not a checkpoint of this project, or is broken"], cut_in_half),
    "blanked out": Wrong(RUN, ["is not a checkpoint of this project, or is broken"], blank_out),
    "random bytes": Wrong("wrong.ckpt", ["is not a checkpoint"], checkpoint(os.urandom(4096))),
    "empty file": Wrong("wrong.ckpt", ["is not a checkpoint"], checkpoint(b"")),
    "zip": Wrong("wrong.ckpt", ["is not a checkpoint"], zip_of_a_text),
    "tensor": Wrong("wrong.ckpt", ["not a checkpoint of this project"], checkpoint(torch.ones(2))),
    "no config": Wrong("wrong.ckpt", ["it holds no config"], checkpoint({"state_dict": {}})),
    "no mapping": Wrong(
        "wrong.ckpt", ["not a checkpoint of this project"], checkpoint({"config": 3})
    ),
    "no weights": Wrong(
        "wrong.ckpt", ["not a checkpoint"], checkpoint({"config": {"model": "RRN"}})
    ),
    "code": Wrong(
        "wrong.ckpt", ["is not a checkpoint of this project, or is broken"], checkpoint(RunsCode())
    ),
    "code in config": Wrong("wrong.ckpt", ["is not a check"], checkpoint({"config": RunsCode()})),
    "other model": Wrong(f"{RUN} --model LSTM", ["model is RRN there, LSTM in this command"]),
    "other size": Wrong(
        f"{RUN} --model.hidden_size 9", ["model.hidden_size is 8 there, 9 in this command"]
    ),
    "other rate": Wrong(f"{RUN} --optimizer.lr 1", ["optimizer.lr is 0.01 there, 1.0 in this"]),
}
RUNS = {
    "test without checkpoint": Wrong(
        "test", ["test needs --ckpt_path: a checkpoint, or the folder"]
    ),
    "validate without checkpoint": Wrong("validate", ["validate needs --ckpt_path"]),
    "test of another size": Wrong(
        f"test --ckpt_path {RUN} --model.hidden_size 9", ["model.hidden_size is 8 there, 9 in"]
    ),
    "validation of another model": Wrong(
        f"validate --ckpt_path {LAST} --model LSTM", ["model is RRN there, LSTM in this command"]
    ),
    "validation of nothing": Wrong(
        f"validate --ckpt_path {RUN} --trainer.limit_val_batches 0", ["is 0, so that nothing"]
    ),
    "flag of another subcommand": Wrong(
        f"validate --ckpt_path {RUN} --lengths 5", ["unknown flag --lengths: it is one of test"]
    ),
    "resumed with a flag that does nothing": Wrong(
        f"--ckpt_path {RUN} --trainer.default_root_dir x", ["--run.root says where runs are kept"]
    ),
    "resumed by name with a flag that does nothing": Wrong(
        f"{AGAIN} --ckpt_path last --trainer.default_root_dir x", ["--run.root says where runs"]
    ),
    "last of no run": Wrong("--ckpt_path last", ["RRN/default", "runs beside it: small"]),
    "test of no run": Wrong("test --ckpt_path best", ["RRN/default", "runs beside it: small"]),
    "other settings": Wrong(
        f"{AGAIN} --data.length 5", ["data.length is 4 there, 5 here", "--run.name NAME"]
    ),
    "resumed into other settings": Wrong(
        f"--ckpt_path {LAST} --run.name other",
        ["data.length is 9 there, 4 here", "--run.name NAME"],
        lambda: copy_run("other", "length: 4", "length: 9", ["checkpoints"]),
    ),
    "finished with fewer steps": Wrong(
        f"{AGAIN} --trainer.max_steps 70", ["finished: go on with --ckpt_path last", "--run.name"]
    ),
    "unfinished": Wrong(
        AGAIN,
        ["unfinished: go on with --ckpt_path last", "--run.name NAME"],
        lambda: Path(RUN, "result.json").unlink(),
    ),
    "neither config.yaml nor checkpoint": Wrong(
        f"{AGAIN} --run.name other",
        ["RRN/other holds a run, but neither", "other/config.yaml nor a chec", "--run.name NAME"],
        lambda: copy_run("other", without=("checkpoints", "config.yaml")),
    ),
    "config.yaml of a run is broken": Wrong(
        f"--config {RUN}/config.yaml --model RNN",
        [f"{RUN}/config.yaml is not YAML, ", f"train.py fit --ckpt_path {RUN} writes it again"],
        lambda: Path(RUN, "config.yaml").write_text("model: [\n"),
    ),
    "config.yaml is broken": Wrong(
        "--run.name small",
        [f"{RUN} holds a run with other settings", "--run.name NAME"],
        lambda: Path(RUN, "config.yaml").write_text("model: [\n"),
    ),
    "file in the way": Wrong(
        "--run.root here", ["cannot write to", "--run.root"], lambda: Path("here").write_text("")
    ),
}
# Of the right type, and without meaning.
NUMBERS = {
    "no steps": Wrong("--trainer.max_steps 0", ["max_steps must be at least 1, got 0"]),
    "no epochs": Wrong("--trainer.max_epochs 0", ["max_epochs must be at least 1, got 0"]),
    "no batches": Wrong("--trainer.limit_train_batches 0", ["limit_train_batches must be at l"]),
    "no prediction": Wrong("--trainer.limit_predict_batches 0", ["must be at least 1, got 0"]),
    "share of the batches": Wrong("--trainer.limit_val_batches 0.5", ["a whole number of batc"]),
    "logged less than never": Wrong("--trainer.log_every_n_steps -3", ["log_every_n_steps must"]),
    "never validated": Wrong("--trainer.check_val_every_n_epoch 0", ["must be at least 1, got 0"]),
    "more than at most": Wrong(
        "--trainer.min_steps 9 --trainer.max_steps 8", ["min_steps 9 is more than", "max_steps 8"]
    ),
    "half a step": Wrong(
        "--trainer.limit_train_batches 7 --trainer.accumulate_grad_batches 2",
        ["limit_train_batches 7 must be a multiple of", "accumulate_grad_batches 2"],
    ),
    "infinite rate": Wrong("--optimizer.lr .inf", ["optimizer.lr must be a finite", "got inf"]),
    "bias that is no number": Wrong(
        "--model LSTM --model.forget_bias .nan", ["model.forget_bias must be a finite", "nan"]
    ),
    "negative clipping": Wrong(
        "--trainer.gradient_clip_val -1", ["gradient_clip_val must be above 0", "null does not"]
    ),
    "truth for a seed": Wrong("--seed_everything true", ["must be a whole number, got true"]),
    "too many threads": Wrong("--threads 100000", ["threads: must be"]),
    "other loggers": Wrong("--trainer.logger CSVLogger --trainer.logger.save_dir x", ["TensorB"]),
    "batch beyond all memory": Wrong(
        f"--data.batch_size {10**18}",
        [f"data.batch_size {10**18} x data.length 10 takes 88 EB of memory, and there are"],
    ),
    "set beyond all memory": Wrong(
        f"--data.evaluation_size {10**13}", ["x data.length 10 takes 880 TB of memory"]
    ),
    "network beyond all memory": Wrong(
        "--model.hidden_size 10000000", ["with hidden_size 10000000 takes 1.6 PB of memory"]
    ),
    "number beyond all numbers": Wrong(
        f"--data.length {10**30}", [f"data.length must be at most {2**63 - 1}, got"]
    ),
    "workers beyond all machines": Wrong("--data.num_workers 2000", ["must be at most 1024, got"]),
    "devices beyond all machines": Wrong(
        f"--trainer.devices {10**18}", ["trainer.devices must be at most 1024, got"]
    ),
}
OPTIMIZATION = {
    "step size of 0": Wrong("--lr_scheduler StepLR --lr_scheduler.step_size 0", ["lr_scheduler"]),
    "period of 0": Wrong("--lr_scheduler CosineAnnealingLR --lr_scheduler.T_max 0", ["lr_sched"]),
    "short schedule": Wrong(
        "--lr_scheduler OneCycleLR --lr_scheduler.max_lr 0.1 --lr_scheduler.total_steps 5",
        ["lr_scheduler.total_steps 5 are fewer than trainer.max_steps 10000"],
    ),
    "base of schedules": Wrong("--lr_scheduler LRScheduler", ["only a base of others"]),
    "base of optimisers": Wrong("--optimizer Optimizer --optimizer.defaults {}", ["only a base"]),
    "sparse": Wrong("--optimizer SparseAdam", ["optimizer", "dense gradients"]),
    "schedule of nothing": Wrong(
        "--optimizer null --lr_scheduler StepLR --lr_scheduler.step_size 5",
        ["lr_scheduler needs an optimizer"],
    ),
    "unknown metric": Wrong(
        "--lr_scheduler ReduceLROnPlateau --lr_scheduler.monitor loss/validatio",
        ["loss/validatio is not measured", "loss/validation"],
    ),
    "callback of Lightning": Wrong(
        "--trainer.callbacks=Timer", ["trainer.callbacks Timer", "--trainer.max_time"]
    ),
    "capturable on a CPU": Wrong(
        "--trainer.accelerator cpu --optimizer Adam --optimizer.capturable true",
        ["optimizer or lr_scheduler", "capturable"],
    ),
    "schedule that cannot be kept": Wrong(
        "--lr_scheduler LambdaLR --lr_scheduler.lr_lambda math.exp", ["lr_scheduler"]
    ),
    "schedule of schedules": Wrong(
        "--lr_scheduler ChainedScheduler --lr_scheduler.schedulers []", ["made of other schedules"]
    ),
    "schedule that knows no metric": Wrong(
        "--lr_scheduler torch.optim.lr_scheduler.ReduceLROnPlateau", ["--lr_scheduler.monitor"]
    ),
    "half precision on a CPU": Wrong(
        "--trainer.accelerator cpu --trainer.precision 16-mixed", ["needs a GPU", "bf16-mixed"]
    ),
    "accelerator that is not installed": Wrong("--trainer.accelerator tpu", ["torch_xla"]),
}
PLACES = {
    "config beyond all names": Wrong(f"--config {'y' * 300}", ["no config can be read at yyy"]),
    "folder beyond all names": Wrong(f"--run.name {'y' * 300}", ["cannot write to the run's fol"]),
    "name that is a path": Wrong("--run.name ../x", ["run.name must be the name of a folder"]),
    "name that is this folder": Wrong("--run.name .", ["run.name must be the name of a folder"]),
    "experiment elsewhere": Wrong("--run.experiment ../../x", ["run.experiment must be the name"]),
    "fewer steps than done": Wrong(
        f"--ckpt_path {LAST} --trainer.max_steps 59",
        [f"{RUN} has come to step 60 already", "--run.name NAME"],
    ),
    "fewer steps from an earlier checkpoint": Wrong(
        f"--ckpt_path {RUN}/checkpoints/best.ckpt --trainer.max_steps 59", ["come to step 60"]
    ),
    "weights of another size": Wrong(
        f"--ckpt_path {LAST}", ["does not fit the model that it names"], lambda: spoil("state_dict")
    ),
    "nothing to go on from": Wrong(
        f"--ckpt_path {LAST}", ["it holds no optimizer_states"], lambda: spoil("optimizer_states")
    ),
    "an address": Wrong("--ckpt_path https://a.example/x.ckpt", ["download it first"]),
}
CASES = (
    COMMANDS
    | NUMBERS
    | OPTIMIZATION
    | PLACES
    | VALUES
    | {
        f"config: {name}": case._replace(command=case.command.replace("wrong", "--config wrong"))
        for name, case in CONFIGS.items()
    }
    | {
        f"checkpoint: {name}": case._replace(command=f"--ckpt_path {case.command}")
        for name, case in CHECKPOINTS.items()
    }
    | {f"run: {name}": case for name, case in RUNS.items()}
)


def copy_run(name: str, old: str = "", new: str = "", without: Sequence[str] = ()) -> None:
    """A second run beside the first, with one setting changed in its config.yaml."""
    copy = Path(RUN).with_name(name)
    shutil.copytree(RUN, copy, ignore=shutil.ignore_patterns(*without))
    if old:
        text = (copy / "config.yaml").read_text()
        (copy / "config.yaml").write_text(text.replace(old, new))


def spoil(key: str) -> None:
    """Take an entry out of the last checkpoint, or one tensor out of its weights."""
    content = torch.load(LAST, weights_only=True)
    if key == "state_dict":
        content[key].pop("readout.bias")
    else:
        del content[key]
    torch.save(content, LAST)


def contents(folder: Path) -> dict[Path, bytes | None]:
    """All that is in a folder: files with their bytes, and folders."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def small_run(start_process, tmp_path_factory) -> Callable[[list[str]], Path]:
    """Train with these flags, once, and return the folder of all runs."""
    folder = tmp_path_factory.mktemp("small")

    def train_once(flags: list[str]) -> Path:
        if not (folder / "runs").exists():
            process = start_process(flags, folder)
            process.join(120)
            assert process.exitcode == 0
        return folder / "runs"

    return train_once


@pytest.fixture
def finished(small_run, small, tmp_path) -> Path:
    """A finished run in the working folder."""
    shutil.copytree(small_run(small), tmp_path / "runs")
    return tmp_path / RUN


@pytest.fixture
def assert_refused(train, tmp_path) -> Callable[..., None]:
    """Carry out a wrong command and check all that is promised of it."""

    def check(*arguments: str, says: list[str]) -> None:
        before = contents(tmp_path)
        outcome = train(*arguments)
        assert outcome.code == 2
        assert outcome.err.startswith("train.py: error: ")
        assert outcome.err.endswith("\n") and len(outcome.err.splitlines()) == 1, outcome.err
        assert "Traceback" not in outcome.err and not outcome.out
        for words in says:
            assert words in outcome.err
        # torch's advice on a file that it refuses is to let it run its code.
        assert "weights_only" not in outcome.err
        assert contents(tmp_path) == before

    return check


@pytest.mark.parametrize("case", CASES)
def test_wrong_input(case, finished, assert_refused, monkeypatch, tmp_path):
    command, says, prepare = CASES[case]
    monkeypatch.chdir(tmp_path)
    prepare()
    assert_refused(*shlex.split(command), says=says)


def test_code_in_a_checkpoint_would_run(tmp_path, monkeypatch):
    # Or else the cases above would prove nothing.
    monkeypatch.chdir(tmp_path)
    checkpoint(RunsCode())()
    torch.load("wrong.ckpt", weights_only=False)
    assert Path("executed").is_dir()


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a GPU")
def test_no_gpu(assert_refused):
    assert_refused("--trainer.accelerator=gpu", says=["gpu", "--trainer.accelerator", "cpu"])


def test_read_only_folder(assert_refused, tmp_path):
    (tmp_path / "runs").mkdir(mode=0o555)
    if os.access(tmp_path / "runs", os.W_OK):
        pytest.skip("root may write everywhere")
    assert_refused("fit", says=["cannot write to", "Permission denied", "--run.root"])


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("--data.batch_size=15", ["data.batch_size 15", "2 devices", "a multiple of 2"]),
        ("--data.evaluation_size=1", ["data.evaluation_size 1", "2 devices", "at least 2"]),
    ],
)
def test_data_that_devices_cannot_share(flag, says, train_in_process, tmp_path, small):
    run = train_in_process(*small, *TWO, flag)
    assert run.code == 2
    assert len(run.err.splitlines()) == 1, run.err
    for words in ["train.py: error: ", *says]:
        assert words in run.err
    assert not (tmp_path / "runs").exists()


def test_plateau_of_an_unknown_metric(train, small):
    # Only the first validation tells which metrics there are.
    flags = ["--lr_scheduler=ReduceLROnPlateau", "--lr_scheduler.monitor=loss/valid"]
    outcome = train(*small, *flags)
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1, outcome.err
    assert "lr_scheduler.monitor" in outcome.err and "loss/validation" in outcome.err


def test_backend_that_needs_a_gpu(train, small):
    outcome = train(*small, "--model.backend=triton")
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1, outcome.err
    assert "model.backend triton" in outcome.err and "needs a GPU" in outcome.err


def pause_at_step_20() -> None:
    """Stand still in the middle of the training, and say so."""
    from lightning_modules import RRN

    training_step = RRN.training_step

    def pause(self, batch, batch_idx):
        if self.trainer.global_step == 20:
            Path("paused").touch()
            os.kill(os.getpid(), signal.SIGSTOP)
        return training_step(self, batch, batch_idx)

    RRN.training_step = pause


def test_run_that_another_process_is_writing(start_process, assert_refused, tmp_path, small):
    process = start_process(small, tmp_path, pause_at_step_20)
    until = time.monotonic() + 60
    while not (tmp_path / "paused").exists():
        assert time.monotonic() < until and process.is_alive(), "the other run does not start"
        time.sleep(0.02)
    try:
        assert_refused(*small, says=[RUN, "--run.name NAME"])
        says = [f"another process is writing to {RUN}", "wait for it", "--run.name NAME"]
        assert_refused(*small, "--ckpt_path=last", says=says)
    finally:
        process.kill()
        process.join()


def test_a_backend_that_cannot_be_used(train, tmp_path):
    """Told before the folder is claimed, since the network is on its device, the CPU, already."""
    flags = ["--trainer.accelerator=cpu", "--trainer.max_steps=1"]
    run = train("--model.backend=numba", "--trainer.precision=bf16-mixed", *flags)
    assert run.code == 2
    assert "train.py: error: model.backend numba cannot be used: it knows no autocast" in run.err
    assert not (tmp_path / "runs").exists()
