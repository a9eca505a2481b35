"""YAML as this project reads it, wherever it comes from: nothing in it is lost without a word.

YAML itself forbids a key that is there twice in a mapping; its library keeps the last one.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

# More than any person writes, or any run; aliases of aliases make as many as they like of a few.
MOST_VALUES = 100_000
INTEGER = "tag:yaml.org,2002:int"
MERGE = "tag:yaml.org,2002:merge"


class NotRead(ValueError):
    """A text that is no YAML, or none that is taken; one line that says where and why."""


class KeyTwice(NotRead):
    """A key is there twice in a mapping, so that one of its values would be lost."""


class Loader(yaml.SafeLoader):
    """A safe loader that refuses a key which is there twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """The mapping that comes next, with the keys as they are written."""
        node = super().compose_mapping_node(anchor)
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            # What is merged from elsewhere is there to be overridden.
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            line, name = key.start_mark.line + 1, self.construct_object(key)
            if name in lines:
                where = f"lines {lines[name]} and {line}" if line > lines[name] else f"line {line}"
                raise KeyTwice(f"{where}: key {key.value} is there twice, keep one of them")
            lines[name] = line
        return node


class RangeLoader(Loader):
    """One to which 5:30:5 is no number of 18,305 seconds."""

    yaml_implicit_resolvers = {
        start: [(tag, pattern) for tag, pattern in resolvers if tag != INTEGER]
        for start, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


RangeLoader.add_implicit_resolver(INTEGER, re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))


def load(text: str, kind: type[Loader] = Loader) -> Any:
    """What a text in YAML says.

    Raises:
        KeyTwice: a key is there twice in a mapping.
        NotRead: it is no YAML, or would be too much of it.
    """
    try:
        loader = kind(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _count(node, {}) > MOST_VALUES:
            raise NotRead(f"it has more than {MOST_VALUES:,} values, with all that aliases repeat")
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise NotRead(f"{where}{error.problem}") from None
    except yaml.YAMLError as error:
        raise NotRead(str(error).splitlines()[0]) from None
    except RecursionError:
        raise NotRead("it is nested too deeply") from None
    except NotRead:
        raise
    # Such as the 31st of February.
    except ValueError as error:
        raise NotRead(str(error)) from None


def _count(node: yaml.Node, counts: dict[int, int]) -> int:
    """Values in a node, those of an alias each time that it is used."""
    if id(node) not in counts:
        # Found again before it is counted, it holds itself, which is without end.
        counts[id(node)] = MOST_VALUES
        children: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            children = node.value
        elif isinstance(node, yaml.MappingNode):
            children = [each for pair in node.value for each in pair]
        counts[id(node)] = 1 + sum(_count(each, counts) for each in children)
    return counts[id(node)]
