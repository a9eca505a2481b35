"""Who waits for code to be compiled is told so, once for a kernel with all its parts."""

from __future__ import annotations

import re

import pytest

from layers import compiling


@pytest.fixture(autouse=True)
def compiling_in_tests() -> None:
    """It is, as in the program."""


def test_a_kernel_is_told_when_it_is_compiled_and_never_again():
    # Parts are not kept on disk, where the next run of this test would find them.
    from layers.backends.compilation import part

    @part
    def twice(number):
        return 2 * number

    @part
    def four_times(number):
        return twice(twice(number))

    # Told to nobody, and to the innermost who listens.
    assert four_times(1.5) == 6
    said, unheard = [], []
    with compiling.heard_by(unheard.append), compiling.heard_by(said.append):
        assert four_times(2.5) == 10
        assert said == []
        assert four_times(2) == 8
    assert re.fullmatch(r"compiling the kernels \(four_times\), once: \d+ s\n", "".join(said))
    assert len(said) == 2 and unheard == []
