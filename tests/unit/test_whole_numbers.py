"""One check of whole numbers, with one form of message."""

from __future__ import annotations

import re

import pytest
from pages import ROOT

from ernn_myhdl.errors import DesignError
from ernn_myhdl.whole_numbers import is_whole, power_of_two, whole


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (True, (0,), "n = True: must be a whole number, at least 0"),
        (1.0, (0, 4), "n = 1.0: must be a whole number, 0 to 4"),
        ("1", (), "n = '1': must be a whole number"),
        (None, (1,), "n = None: must be a whole number, at least 1"),
        (0, (1,), "n = 0: must be a whole number, at least 1"),
        (5, (-4, 4), "n = 5: must be -4 to 4"),
        (-5, (-4, 4), "n = -5: must be -4 to 4"),
    ],
)
def test_what_is_none_is_told_with_its_bounds(value, bounds, message):
    with pytest.raises(DesignError) as error:
        whole("n", value, *bounds)
    assert str(error.value) == message


def test_what_is_one_passes():
    for value, bounds in ((0, (0,)), (4, (0, 4)), (-4, (-4, 4)), (-(1 << 70), ())):
        whole("n", value, *bounds)
    assert is_whole(3) and not is_whole(True) and not is_whole(3.0)
    with pytest.raises(DesignError, match="word = 3: must be 4 to 18 bits"):
        whole("word", 3, 4, 18, unit="bits")
    power_of_two("n", 8)
    for value in (0, 6, 1 << 21):
        with pytest.raises(DesignError):
            power_of_two("n", value)


def test_nobody_writes_the_check_again():
    again = re.compile(r"isinstance\([^()]*, bool\) or not isinstance\([^()]*, int\)")
    files = sorted((ROOT / "ernn_myhdl").rglob("*.py"))
    assert [f.name for f in files if again.search(f.read_text(encoding="utf-8"))] == []
