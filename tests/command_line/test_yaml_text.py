"""Nothing in a YAML file is lost without a word."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from command_line.yaml_text import MOST_VALUES, KeyTwice, NotRead, RangeLoader, load

TWICE = {
    "a: 1\nb: 2\na: 3\n": "lines 1 and 3: key a is there twice",
    "a:\n  b: {c: 1}\n  d: 2\n  b: {c: 2}\n": "lines 2 and 4: key b is there twice",
    "- x\n- {a: 1, b: 2, a: 1}\n": "line 2: key a is there twice",
    '{"a": 1, a: 2}': "line 1: key a is there twice",
    "1: a\n0x1: b\n": "lines 1 and 2: key 0x1 is there twice",
    "a: &x {b: 1}\nc: {<<: *x, d: 1, d: 2}\n": "line 2: key d is there twice",
    "? a\n: 1\n? a\n: 2\n": "lines 1 and 3: key a is there twice",
}


@pytest.mark.parametrize("text", TWICE)
def test_a_key_that_is_there_twice(text):
    with pytest.raises(KeyTwice) as error:
        load(text)
    assert str(error.value) == f"{TWICE[text]}, keep one of them"


ONCE = {
    "a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\n": {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}},
    "a: &x {b: 1}\ne: &y {c: 2}\nd: {<<: [*x, *y]}\n": {
        "a": {"b": 1},
        "e": {"c": 2},
        "d": {"b": 1, "c": 2},
    },
    "a: {b: 1}\nc: {b: 1}\n": {"a": {"b": 1}, "c": {"b": 1}},
    "- {a: 1}\n- {a: 2}\n": [{"a": 1}, {"a": 2}],
    "a: &x [1]\nb: *x\n": {"a": [1], "b": [1]},
    "1: a\n'1': b\n": {1: "a", "1": "b"},
    "": None,
}


@pytest.mark.parametrize("text", ONCE)
def test_keys_that_are_there_once(text):
    assert load(text) == ONCE[text]


@settings(max_examples=20, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_what_is_written_is_read(value):
    assert load(yaml.safe_dump(value)) == value


def test_ranges_are_no_numbers():
    assert load("[5:30:5, 10, -3]", RangeLoader) == ["5:30:5", 10, -3]
    with pytest.raises(KeyTwice):
        load("{a: 5:30:5, a: 1}", RangeLoader)


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
NOT_READ = {
    "no end of aliases": (LAUGHS, f"more than {MOST_VALUES:,} values"),
    "in keys": ("a: &a {<<: *a}", ""),
    "in itself": ("a: &a [*a]", f"more than {MOST_VALUES:,} values"),
    "deep": ("[" * 600, "nested too deeply"),
    "no day": ("a: 2024-02-31", "day is out of range for month"),
    "no YAML": ("a: [1,\n", "line 2, column 1: "),
    "a control character": ("a: \x1b", "special characters are not allowed"),
    "code": ("!!python/object/apply:os.mkdir [executed]", "could not determine a constructor"),
    "two documents": ("a: 1\n---\nb: 1\n", "line 2, column 1: but found another document"),
}


@pytest.mark.parametrize("kind", NOT_READ)
def test_what_is_not_read(kind):
    text, words = NOT_READ[kind]
    with pytest.raises(NotRead) as error:
        load(text)
    assert words in str(error.value) and "\n" not in str(error.value)
