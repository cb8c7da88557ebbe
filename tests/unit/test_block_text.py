"""The text of a block is read when somebody asks for it, not when the block is decorated."""

from __future__ import annotations

import inspect

import pytest
from myhdl import block

from ernn_myhdl.rtl import rounding


def test_our_blocks_are_decorated_without_their_text(monkeypatch):
    """It was a third of the time in which the blocks are imported, in each process of a conversion. Blocks of others are MyHDL's affair."""

    def taken_apart(lines):
        raise AssertionError("the source is read")

    def own(clk):
        return []

    with monkeypatch.context() as patch:
        patch.setattr(inspect, "getblock", taken_apart)
        with pytest.raises(AssertionError, match="source"):
            block(own)
        patch.setattr(own, "__module__", rounding.__name__)
        made = block(own)
    assert made.srcfile == __file__
    for decorated in (made, rounding.round_saturate):
        text = inspect.getsourcelines(decorated.func)[0]
        assert list(decorated.srcline) == text and str(decorated.srcline) == str(text)
        assert len(decorated.srcline) == len(text) > 1
