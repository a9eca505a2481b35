"""What classes take, read from their source files: importing them takes seconds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# What the program or a parser hands over, and nobody types.
HANDED_OVER = {"self", "params", "optimizer"}


@dataclass(frozen=True)
class Source:
    """A class or a function, as far as it matters to somebody who sets its arguments.

    Attributes:
        bases: names of the classes right above it.
        arguments: its own, without those that it passes on.
        kinds: annotations of those that have one.
        abstract: methods that a class below it has to write.
        written: methods and attributes that it has.
    """

    bases: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()
    abstract: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()


def read_sources(files: Iterable[Path]) -> dict[str, Source]:
    """All classes and functions of some Python files, by name.

    Raises:
        OSError: a file cannot be read.
        SyntaxError: one is not Python.
    """
    sources: dict[str, Source] = {}
    for file in files:
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.ClassDef):
                sources[node.name] = _class(node)
            elif isinstance(node, ast.FunctionDef):
                sources[node.name] = Source(arguments=_arguments(node), kinds=_kinds(node))
    return sources


def arguments_of(name: str, sources: Mapping[str, Source]) -> list[str]:
    """Arguments of a class, also those that it passes on to the classes above, or of a function."""
    lines = [sources[each].arguments for each in [*_above(name, sources), name]]
    return list(dict.fromkeys(argument for line in lines for argument in line))


def descends(name: str, base: str, sources: Mapping[str, Source]) -> bool:
    """Whether a class is below another one."""
    above = [name, *_above(name, sources)] if name in sources else []
    return any(base in sources[each].bases for each in above)


def abstract_in(name: str, sources: Mapping[str, Source]) -> set[str]:
    """What is left to write before there can be an object of a class."""
    source = sources[name]
    bases = [base for base in source.bases if base in sources and base != name]
    above = {each for base in bases for each in abstract_in(base, sources)}
    return (above - source.written) | source.abstract


def _above(name: str, sources: Mapping[str, Source]) -> Iterator[str]:
    """Names of the classes above one, the highest first; a base of its own name is elsewhere."""
    for base in sources[name].bases:
        if base in sources and base != name:
            yield from _above(base, sources)
            yield base


def _class(node: ast.ClassDef) -> Source:
    functions = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    attributes = [
        target.id
        for each in node.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    ]
    abstract = [each.name for each in functions if any(map(_is_abstract, each.decorator_list))]
    first = next((each for each in functions if each.name == "__init__"), None)
    return Source(
        # The last part of torch.optim.Optimizer, and what is in front of the bracket of Base[T].
        bases=tuple(ast.unparse(each).partition("[")[0].rpartition(".")[2] for each in node.bases),
        arguments=_arguments(first) if first else (),
        kinds=_kinds(first) if first else (),
        abstract=frozenset(abstract),
        written=frozenset([*attributes, *(each.name for each in functions)]) - {*abstract},
    )


def _is_abstract(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).endswith("abstractmethod")


def _arguments(node: ast.FunctionDef) -> tuple[str, ...]:
    """Names, without those of *args and **kwargs."""
    each = node.args
    names = [argument.arg for argument in (*each.posonlyargs, *each.args, *each.kwonlyargs)]
    return tuple(name for name in names if name not in HANDED_OVER)


def _kinds(node: ast.FunctionDef) -> tuple[tuple[str, str], ...]:
    """Names and annotations of arguments."""
    each = node.args
    return tuple(
        (argument.arg, ast.unparse(argument.annotation))
        for argument in (*each.posonlyargs, *each.args, *each.kwonlyargs)
        if argument.annotation
    )
