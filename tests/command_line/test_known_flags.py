"""A typo is told without the parser, as the parser would; what the parser takes is let through."""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import Path

import pytest

from command_line import known_flags, parser, sources
from command_line.arguments import SUBCOMMANDS, take_apart
from command_line.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
OURS = {"torch", "lightning_modules", "datamodules"}
TYPOS = [
    "--modell LSTM",
    "--trainer.max_stps 1",
    "test --trainer.max_stps 1 --ckpt_path last",
    "predict --lengths 3",
    "--model LTSM",
    "--data Palindrome",
    "--optimizer adamm",
    "--lr_scheduler StepLRR",
    "--model.hidden 8",
    "--model LSTM --model.inhibitory true",
    "--model.lr 8",
    "--optimizer.momentun 0",
    "--optimizer Adam --optimizer.momentum 0",
    "--lr_scheduler StepLR --lr_scheduler.step_siz 5",
    "--data.dataset Cora",
    "--run.nam x",
    "--lr 1",
    "-m LSTM",
    "--config wrong.yaml",
    "--config also_wrong.yaml",
    "--config nowhere.yaml",
    "--ckpt_path nowhere",
    "test --data.length 5",
    "--trainer.max_steps",
    "--trainer.benchmark --threads 2",
    "--run.name",
]
RIGHT = [
    "",
    "fit --help",
    "fit --model.help RRN",
    "--print_config=skip_default",
    "--model LSTM --model.forget_bias 1 --model.hidden_size=3 --threads 2",
    "--model.init_args.hidden_size 3",
    "--model mine.Wider --model.wide 3",
    "--config mine.yaml --model.wide 3",
    "--config mine.yaml --model lightning_modules.LSTM --model.forget_bias 3",
    "--config mine.yaml --model Wide --model.wide 3",
    "--model mine.Wider --optimizer Own",
    "--optimizer.class_path Adam --optimizer.betas [0.9,0.9]",
    "--model.class_path=LSTM --model.forget_bias 1",
    "--model null",
    "--config configs.yaml --config mine.yaml --model.wide 3",
    "test --print_config",
    "--data.curriculum.start 3",
    "--optimizer torch.optim.SGD --optimizer.momentum 0.5",
    "--lr_scheduler ReduceLROnPlateau --lr_scheduler.monitor loss/validation",
    "--trainer trainer.yaml",
    "--trainer.callbacks+=LearningRateMonitor --trainer.callbacks.logging_interval step",
    "--trainer.callbacks+ LearningRateMonitor",
    "--run.name -x --samples.prompt='--no flag'",
    "--samples.prompt '--a text'",
    "test --ckpt_path last --lengths 3:9:3 --output=x.csv",
]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working folder, with configs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.yaml").write_text("model: RRN\ndata: Palindromes\ntrainer: {max_step: 1}\n")
    text = "model: {class_path: RRN, init_args: {hidden: 8}}\ndata: Palindromes\n"
    (tmp_path / "also_wrong.yaml").write_text(text)
    (tmp_path / "configs.yaml").write_text("model: RRN\ndata: Palindromes\n")
    text = "model: {class_path: mine.Wider, init_args: {wide: 8}}\ndata: Palindromes\n"
    (tmp_path / "mine.yaml").write_text(text)
    return tmp_path


@pytest.fixture(autouse=True)
def only_ours(monkeypatch) -> None:
    """Let the parser know no class that another test has defined in this process."""
    usable = parser.usable

    def ours(key: str) -> list[type]:
        return [each for each in usable(key) if each.__module__.partition(".")[0] in OURS]

    monkeypatch.setattr(parser, "usable", ours)


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_the_parser_knows_the_same(subcommand, train, monkeypatch):
    seen = []
    monkeypatch.setattr(parser, "in_one_line", lambda message, *known: seen.extend(known) or "")
    assert train(subcommand, "--wrong=1").code == 2
    keys, choices = seen
    assert keys == known_flags.known_names(subcommand)
    # In another order, which is nowhere to be seen.
    for found in (choices, known_flags.classes()):
        for settings in found.values():
            settings.update({name: sorted(each) for name, each in settings.items()})
    assert choices == known_flags.classes()


@pytest.mark.parametrize("command", TYPOS)
def test_as_the_parser_tells_it(command, train, folder):
    with pytest.raises(UsageError) as refused:
        known_flags.check_names(take_apart(shlex.split(command)))
    # In this process everything is imported, so that this is what the parser says.
    outcome = train(*shlex.split(command))
    assert outcome.code == 2
    assert outcome.err == f"train.py: error: {refused.value}\n"


@pytest.mark.parametrize("command", RIGHT)
def test_what_may_be_right_is_let_through(command, folder):
    known_flags.check_names(take_apart(shlex.split(command)))


@pytest.mark.parametrize("config", sorted(ROOT.glob("configs/*.yaml")), ids=lambda path: path.stem)
def test_our_configs_are_let_through(config):
    known_flags.check_names(take_apart([f"--config={config}"]))


def forget(monkeypatch) -> None:
    """Let the sources be read anew, and what is known here be forgotten at the end of a test."""
    readers = (
        "groups",
        "classes",
        "sources",
        "takes_text",
        "_callback_sources",
        "_trainer_sources",
    )
    for name in readers:
        function = getattr(known_flags, name)
        monkeypatch.setattr(known_flags, name, cache(function.__wrapped__))


def test_sources_are_read_once_for_all_flags(monkeypatch):
    forget(monkeypatch)
    read, counted = known_flags.read_sources, []
    monkeypatch.setattr(known_flags, "read_sources", lambda files: counted.append(1) or read(files))
    for group, settings in known_flags.groups().items():
        assert all(known_flags.takes_text(f"{group}.{name}") in (True, False) for name in settings)
    assert len(counted) == 2


def test_a_class_may_have_a_base_of_its_own_name(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("class Plan(other.Plan): pass\nclass Longer(Plan, Base): pass\n")
    found = sources.read_sources([file])
    assert not sources.descends("Plan", "Base", found) and not sources.abstract_in("Plan", found)
    assert sources.descends("Longer", "Base", found) and sources.descends("Longer", "Plan", found)


def test_without_sources_the_parser_decides(folder, monkeypatch):
    def missing(folder: str) -> Path:
        raise FileNotFoundError(folder)

    monkeypatch.setattr(known_flags, "_library", missing)
    forget(monkeypatch)
    known_flags.check_names(take_apart(["--trainer.max_stps=1"]))
    assert "run.name" in known_flags.known_names("fit")
