"""Typos are told before the heavy imports: what flags there are is known from source files.

Only what is sure to be wrong is refused here; the parser has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from command_line.arguments import (
    CLASS_FLAGS,
    DEFAULT_CONFIG,
    OF_SUBCOMMAND,
    SHORT_FLAGS,
    Arguments,
)
from command_line.checkpoint_file import find_checkpoint
from command_line.config_file import check_config, read_config
from command_line.errors import UsageError
from command_line.messages import (
    needs_checkpoint,
    no_setting,
    unknown_class,
    unknown_flag,
    unknown_key,
)
from command_line.settings import flatten, typed
from command_line.sources import Source, abstract_in, arguments_of, descends, read_sources

ROOT = Path(__file__).resolve().parent.parent
# Flags that set no argument of a class.
SINGLE = (
    "help",
    "config",
    "print_config",
    "seed_everything",
    "threads",
    "ckpt_path",
    "run.root",
    "run.experiment",
    "run.name",
)
# Groups of settings: whose arguments they are, but for those that the program sets itself.
GROUPS: dict[str, tuple[str, frozenset[str]]] = {
    "convergence": ("Convergence", frozenset()),
    "early_stopping": ("Patience", frozenset()),
    "checkpoints": ("Checkpoints", frozenset({"folder", "interruption", "config"})),
    "samples": ("Samples", frozenset({"file"})),
    "watch": ("watch", frozenset({"folder", "model"})),
}
# Keys that choose a class: the base of those that there are, and the folder that they are in.
BASES = {
    "model": ("LightningModule", "lightning_modules"),
    "data": ("LightningDataModule", "datamodules"),
    "optimizer": ("Optimizer", "torch/optim"),
    "lr_scheduler": ("LRScheduler", "torch/optim"),
}
# The keys of a config that say which class is chosen.
CHOICE = {key: {key, f"{key}.class_path"} for key in BASES}
# Lightning's own of this name, which knows what it waits for.
MORE = {"ReduceLROnPlateau": ["monitor"]}
# A flag that chooses a class by its path alone.
CLASS_PATHS = {f"--{key}.class_path": key for key in BASES}
# What a choice is made of in a config; and the help about it.
PARTS_OF_A_CHOICE = ("", "help", "class_path", "init_args", "dict_kwargs")
# What is raised where a library has no files of Python, or names that go round in a circle.
WITHOUT_SOURCES = (OSError, RecursionError, SyntaxError)


def check_names(arguments: Arguments) -> None:
    """Make sure that all flags and keys of a command, and the classes that it names, are known.

    Args:
        arguments: of a subcommand that trains or measures.

    Raises:
        UsageError: one of them is not, a config cannot be read, or there is no such checkpoint.
    """
    for file in arguments.configs:
        check_config(file, DEFAULT_CONFIG.parent)
    if arguments.checkpoint_path:
        find_checkpoint(arguments.checkpoint_path, "last")
    files = arguments.configs or [str(DEFAULT_CONFIG)] * (arguments.checkpoint_path is None)
    configs = [flatten(read_config(file)) for file in files]
    with suppress(*WITHOUT_SOURCES):
        for config in configs:
            _check_keys(config, arguments.subcommand)
    check_flags(arguments, configs)
    named = arguments.checkpoint or any(config.get("ckpt_path") for config in configs)
    if arguments.subcommand != "fit" and not named and not _asks_for_help(arguments.flags):
        raise UsageError(needs_checkpoint(arguments.subcommand))


def check_flags(arguments: Arguments, configs: Iterable[Mapping[str, object]]) -> None:
    """Make sure that all flags of a command, and the classes that they name, are known.

    Args:
        arguments: of a subcommand that trains or measures.
        configs: that it goes by, flat; they choose classes as well.

    Raises:
        UsageError: one of them is not.
    """
    with suppress(*WITHOUT_SOURCES):
        _check_flags(arguments, configs)


def known_names(subcommand: str) -> list[str]:
    """All that a subcommand knows, dotted, such as trainer.max_steps."""
    names = [*SINGLE, *OF_SUBCOMMAND.get(subcommand, ())]
    with suppress(*WITHOUT_SOURCES):
        names += [*groups(), *classes()]
        names += [f"{group}.{name}" for group, settings in groups().items() for name in settings]
        for key, found in classes().items():
            names += [f"{key}.{name}" for settings in found.values() for name in settings]
    return sorted({*names})


@cache
def takes_text(flag: str) -> bool:
    """Whether the values of a flag are texts, also where they look like numbers.

    Args:
        flag: without dashes, such as data.corpus. One that only classes of other people have is
            taken for a number where it looks like one.
    """
    key, _, name = flag.partition(".")
    kinds: set[str] = set()
    with suppress(*WITHOUT_SOURCES):
        if key in BASES:
            found = sources(BASES[key][1])
        else:
            found = _callback_sources() if key in GROUPS else _trainer_sources()
        owners = [GROUPS[key][0]] if key in GROUPS else list(found)
        kinds = {kind for each in owners for named, kind in found[each].kinds if named == name}
    words = {word for kind in kinds for word in re.findall(r"\w+", kind)}
    return bool(words & {"str", "Literal"}) and not words & {"int", "float", "bool", "list"}


@cache
def groups() -> dict[str, list[str]]:
    """The settings of each group."""
    found = {
        group: [name for name in arguments_of(owner, _callback_sources()) if name not in skipped]
        for group, (owner, skipped) in GROUPS.items()
    }
    return {**found, "trainer": arguments_of("Trainer", _trainer_sources())}


@cache
def classes() -> dict[str, dict[str, list[str]]]:
    """The classes that each key can be set to, and the names of their settings."""
    return {
        key: {
            name: arguments_of(name, sources(folder))
            for name in sources(folder)
            if descends(name, base, sources(folder))
            and not name.startswith("_")
            and not abstract_in(name, sources(folder))
        }
        for key, (base, folder) in BASES.items()
    }


@cache
def sources(folder: str) -> dict[str, Source]:
    """The classes in a folder of this project, or of a library."""
    place = ROOT / folder if (ROOT / folder).is_dir() else _library(folder)
    return read_sources(sorted(place.glob("*.py")))


@cache
def _callback_sources() -> dict[str, Source]:
    folder = ROOT / "callbacks"
    return read_sources([*folder.glob("*.py"), *(folder / "instruments").glob("*.py")])


@cache
def _trainer_sources() -> dict[str, Source]:
    return read_sources([_library("pytorch_lightning/trainer") / "trainer.py"])


def _library(folder: str) -> Path:
    """A folder of a library, which is not imported to find it."""
    library, _, below = folder.partition("/")
    spec = find_spec(library)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(library)
    return Path(spec.submodule_search_locations[0], below)


def _check_keys(config: Mapping[str, object], subcommand: str) -> None:
    """Check a config: that is, flat keys, and their values."""
    chosen = {key: _chosen(config, key) for key in BASES}
    for key in config:
        key = str(key)
        if not _is_known(key, subcommand):
            raise UsageError(unknown_key(typed(key), known_names(subcommand)))
        _check_setting(key.replace(".init_args.", "."), chosen, subcommand)


def _check_flags(arguments: Arguments, configs: Iterable[Mapping[str, object]]) -> None:
    chosen: dict[str, str | None] = {}
    foreign = False
    for config in configs:
        foreign |= any(_is_foreign(key, _path(config, key)) for key in BASES)
        chosen |= {key: _chosen(config, key) for key in BASES if CHOICE[key] & config.keys()}
    flags = list(_flags(arguments.flags))
    for flag, value, _ in flags:
        if flag in CLASS_FLAGS and value is not None:
            key = flag[2:]
            foreign |= _is_foreign(key, value)
            # What is imported for one class may bring others, which have bare names as well.
            chosen[key] = None if foreign else _check_class(key, value)
        elif flag in CLASS_PATHS:
            chosen[CLASS_PATHS[flag]] = None
    for flag, _, has_value in flags:
        name = flag.lstrip("-").replace("+", "")
        if not flag.startswith("--") or not _is_known(name, arguments.subcommand):
            raise UsageError(unknown_flag(flag, known_names(arguments.subcommand)))
        _check_setting(name, chosen, arguments.subcommand)
        if not has_value and not _asks_for_help([flag]):
            raise UsageError(f"{flag} needs a value")


def _flags(words: Sequence[str]) -> Iterator[tuple[str, str | None, bool]]:
    """The flags among some words, what an = sets them to, and whether they have any value."""
    for word, after in zip(words, [*words, "--"][1:], strict=True):
        flag, equals, value = word.partition("=")
        # What has a space is a value, whatever it begins with.
        if re.match("--?[A-Za-z]", flag) and flag not in SHORT_FLAGS and " " not in flag:
            follows = not after.startswith("--") or " " in after
            yield flag, value if equals else None, bool(equals) or follows


def _asks_for_help(flags: Sequence[str]) -> bool:
    return any(re.match(r"-h$|--help$|--print_config|--[\w.]+\.help\b", flag) for flag in flags)


def _is_known(key: str, subcommand: str) -> bool:
    group, _, rest = key.partition(".")
    if group in groups():
        # A setting may have settings of its own.
        return not rest or rest.partition(".")[0] in groups()[group]
    return group in BASES or key in SINGLE or key in OF_SUBCOMMAND.get(subcommand, ())


def _check_setting(key: str, chosen: Mapping[str, str | None], subcommand: str) -> None:
    """Check model.hidden_size, say, by the class that has been chosen, where it is known."""
    group, _, rest = key.partition(".")
    name, owner = rest.partition(".")[0], chosen.get(group)
    known = classes().get(group, {}).get(owner or "")
    if known is None or name in (*known, *MORE.get(owner or "", ()), *PARTS_OF_A_CHOICE):
        return
    raise UsageError(no_setting(group, owner or "", name, known, known_names(subcommand)))


def _chosen(config: Mapping[str, object], key: str) -> str | None:
    """The class that a config chooses, if it is one of those known."""
    return _known_class(key, _path(config, key))


def _path(config: Mapping[str, object], key: str) -> str:
    """The class that a config chooses, as it is written there; empty if it chooses none."""
    return str(config.get(f"{key}.class_path") or config.get(key) or "")


def _is_foreign(key: str, path: str) -> bool:
    """Whether a class is of another package than those that the key can be set to."""
    return bool(re.fullmatch(r"\w+(\.\w+)+", path)) and not _is_ours(key, path)


def _is_ours(key: str, path: str) -> bool:
    """Whether a class may be one of those known: it has a bare name, or is of their package."""
    package = path.rpartition(".")[0].partition(".")[0]
    return package in ("", BASES[key][1].partition("/")[0])


def _check_class(key: str, path: str) -> str | None:
    """The class that a flag chooses, if it is one of those known; it may be somebody's own."""
    base, folder = BASES[key]
    bare = re.fullmatch(r"[A-Za-z]\w*", path) and path.lower() not in ("null", "none")
    if bare and path not in (base, *sources(folder)) and not Path(path).exists():
        raise UsageError(unknown_class(key, path, classes()[key]))
    return _known_class(key, path)


def _known_class(key: str, path: str) -> str | None:
    name = path.rpartition(".")[2]
    return name if _is_ours(key, path) and name in classes()[key] else None
