"""What is legal, in the words of a message."""

import pytest

from ernn_myhdl.errors import alternatives


@pytest.mark.parametrize(
    "words, text", [(["a"], "a"), (("a", "b"), "a or b"), (iter("abc"), "a, b or c")]
)
def test_alternatives_are_told_as_people_do(words, text):
    assert alternatives(words) == text
