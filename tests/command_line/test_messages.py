"""Whatever jsonargparse says, one line comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_line.messages import in_one_line, in_plain_words

CHOICES = {
    "model": {"RRN": ["hidden_size"], "LSTM": ["hidden_size", "forget_bias"]},
    "optimizer": {"RMSprop": ["lr", "momentum"], "Adam": ["lr", "betas"]},
    "lr_scheduler": {"StepLR": ["step_size"]},
}
KEYS = ["trainer.max_steps", "model.hidden_size", "model.forget_bias", "optimizer.betas"]


def union(key: str, errors: str, value: str, base: str = "LightningModule") -> str:
    """How jsonargparse tells that a value of a key is of none of its types."""
    return (
        f'Parser key "{key}":\n  Does not validate against any of the Union subtypes\n'
        f"  Subtypes: [<class '{base}'>, <class 'NoneType'>]\n  Errors:\n{errors}"
        f"    - Expected a <class 'NoneType'>\n"
        f"  Given value type: <class 'str'>\n  Given value: {value}"
    )


def of_class(class_path: str, error: str) -> str:
    return f"    - Problem with given class_path '{class_path}':\n        {error}\n"


KNOWN = {
    "unrecognized arguments: --trainer.max_stps=3 --x": (
        "unknown flag --trainer.max_stps, did you mean --trainer.max_steps?"
    ),
    "unrecognized arguments: -x": "unknown flag -x",
    "Subcommand 'fit' does not accept option 'trainr.max_steps'": (
        "unknown key trainr.max_steps, did you mean trainer.max_steps?"
    ),
    "Parser key \"trainer.max_steps\":\n  Expected a <class 'int'>. Got value: abc": (
        "trainer.max_steps: must be a whole number, got abc"
    ),
    union("trainer.max_epochs", "    - Expected a <class 'int'>\n", "abc"): (
        "trainer.max_epochs: must be a whole number, got abc"
    ),
    union("model", "    - Expected a dot import path string: LSTMM\n", "LSTMM"): (
        "unknown model LSTMM, did you mean LSTM?; there are LSTM, RRN"
    ),
    union("model", of_class("lightning_modules.RRN", "Option 'hidden' is not accepted"), "x"): (
        "model.hidden: RRN has no setting hidden, did you mean hidden_size?"
    ),
    # It would be right for another class.
    union("optimizer", of_class("torch.optim.RMSprop", "Option 'betas' is not accepted"), "x"): (
        "optimizer.betas: RMSprop has no setting betas"
    ),
    union(
        "model",
        of_class(
            "lightning_modules.RRN",
            'Parser key "encoding":\n          '
            "Expected a typing.Literal['scalar', 'one_hot']. Got value: onehot",
        ),
        "NestedArg(key='encoding', val='onehot')",
    ): "model.encoding: must be one of scalar, one_hot, got onehot",
    union(
        "lr_scheduler",
        of_class("torch.optim.StepLR", "the following arguments are required: step_size")
        + "    - Import path torch.optim.StepLR does not correspond to a subclass of Plateau\n",
        "Namespace(step_size=None)",
    ): "lr_scheduler StepLR needs --lr_scheduler.step_size VALUE",
    union("model", "    - Not a valid subclass of LightningModule\n", "[]"): (
        "unknown model []; there are LSTM, RRN"
    ),
    union(
        "trainer.callbacks",
        "    - Expected a <class 'list'>\n    - Expected a dot import path string: Nonsense\n",
        "Nonsense",
    ): "trainer.callbacks: unknown class Nonsense",
    union("optimizer", of_class("torch.optim.Adam", "'str' object has no attribute 'keys'"), "3"): (
        "optimizer: must be a group of settings, got 3"
    ),
    'Parser key "optimizer.betas":\n  Expected a tuple with 2 elements. Got value: [0.9]': (
        "optimizer.betas: must be a list of 2, got [0.9]"
    ),
    'Parser key "lr_scheduler.milestones":\n'
    "  Expected a <class 'collections.abc.Iterable'>. Got value: None": (
        "lr_scheduler.milestones: must be a list, got null"
    ),
    "unrecognized arguments: 1}": (
        "unexpected 1}: flags begin with --, and a value with spaces needs quotes"
    ),
    "length must be at least 2, got 1": "length must be at least 2, got 1",
}


@pytest.mark.parametrize("message", KNOWN)
def test_known_messages(message):
    assert in_one_line(message, KEYS, CHOICES) == KNOWN[message]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "`Trainer(barebones=True, logger=<a.RunLogger object at 0x7fb4>)` was passed.",
            "trainer.barebones True, logger=RunLogger was passed.",
        ),
        ("one of <class 'torch.optim.sgd.SGD'>\n or <function f at 0x7f>", "one of SGD or f"),
        ("a parameter with size: torch.Size([16, 3])", "a parameter with size: [16, 3]"),
        ("nothing < 3 and a > b", "nothing < 3 and a > b"),
    ],
)
def test_plain_words(message, words):
    assert in_plain_words(message) == words


PIECES = [line for message in KNOWN for line in message.splitlines()]


@given(st.lists(st.sampled_from(PIECES) | st.text()).map("\n".join))
def test_never_more_than_a_line(message):
    line = in_one_line(message, KEYS, CHOICES)
    assert len(line.splitlines()) <= 1


@given(st.lists(st.sampled_from(PIECES), min_size=1).map("\n".join))
def test_never_nothing(message):
    assert in_one_line(message, KEYS, CHOICES)
