"""Numbers of an axis, in few words."""

from __future__ import annotations

import pytest

from figures.scales import in_short


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.05, "0.05"), (750, "750"), (2500, "2.5k"), (2e6, "2M"), (3e9, "3G"), (1e29, "1e+29")],
)
def test_numbers_are_short(value, text):
    assert in_short(value) == text
