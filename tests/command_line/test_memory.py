"""What does not fit into memory is told with what it takes, before anything is drawn or built."""

from __future__ import annotations

import pytest
import torch

from command_line import memory
from command_line.errors import UsageError
from command_line.memory import (
    amount,
    check_fits,
    check_model,
    check_states,
    exhausted,
    installed,
    told,
)
from datamodules import Palindromes
from lightning_modules import RRN, CharGenerator

MACHINE = 24e9


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(memory, "installed", lambda: MACHINE)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("size", "words"),
    [(12, "12 bytes"), (24e9, "24 GB"), (999.6e6, "1 GB"), (4e18, "4 EB"), (4e30, "4e+12 EB")],
)
def test_amount(size, words):
    assert amount(size) == words


def test_a_container_may_have_less_than_its_machine(tmp_path, monkeypatch):
    whole = installed()
    assert 1e8 < whole < 1e15
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "LIMITS", (str(tmp_path / "none"), str(limit)))
    for text, expected in (("1000000\n", 1e6), ("max\n", installed())):
        limit.write_text(text)
        assert installed() == expected


def test_what_fits_by_itself_is_let_through():
    check_fits({"one": MACHINE, "other": MACHINE})
    with pytest.raises(UsageError, match="^much takes 24.1 GB of memory, and there are 24 GB$"):
        check_fits({"little": 1, "much": 24.1e9})


def test_a_set_of_data_knows_its_size():
    sizes = Palindromes(length=9, batch_size=2, evaluation_size=30).sizes
    assert sizes == {
        "data.batch_size 2 x data.length 9": 160,
        "data.evaluation_size 30 x data.length 9": 2400,
    }


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        # 4 bytes, and as many for the gradient, of (100,000 + 10) ** 2 weights.
        ("RNN", {"hidden_size": 100_000}, "with hidden_size 100000 takes 80 GB of memory, and the"),
        ("LSTM", {"hidden_size": 100_000}, "with hidden_size 100000 takes 320 GB of memory"),
        ("GCNII", {"hidden_size": 100_000, "num_layers": 3}, "hidden_size 100000 takes 241 GB"),
        ("CharGenerator", {"hidden_size": 10**18}, "no machine has memory for hidden_size 1000000"),
        ("RNN", {"hidden_size": 50_000}, None),
        ("RNN", {"hidden_size": 4096, "encoding": "wrong"}, None),
    ],
)
def test_a_model_is_weighed_before_it_is_built(model, settings, message):
    state = torch.get_rng_state()
    if message is None:
        check_model(f"lightning_modules.{model}", settings)
    else:
        with pytest.raises(UsageError, match=message):
            check_model(f"lightning_modules.{model}", settings)
    # A model that is weighed must begin as one that is not.
    assert torch.equal(torch.get_rng_state(), state)


def test_hidden_states_of_a_long_sequence():
    model, data = RRN(hidden_size=100), Palindromes(length=10**6, batch_size=100)
    with pytest.raises(UsageError, match=r"^model.hidden_size 100 x data.* 100 takes 40 GB of mem"):
        check_states(model, data, 1)
    check_states(model, data, 2)
    check_states(CharGenerator(hidden_size=8), Palindromes(), 1)


def _asked(what) -> BaseException:
    with pytest.raises((MemoryError, RuntimeError)) as error:
        what()
    return error.value


def test_errors_that_tell_of_memory():
    error = _asked(lambda: torch.empty(2**60, dtype=torch.uint8))
    assert exhausted(error) and told(error).startswith(
        "there is not the memory for 1.15 EB at once"
    )
    assert exhausted(_asked(lambda: torch.empty(2**62, 2**62))) and exhausted(MemoryError())
    assert not exhausted(RuntimeError("shape mismatch")) and not exhausted(ValueError("memory"))
