"""Parts of a signal that a Keras model takes, and which no core gives."""

from __future__ import annotations

import pytest

from ernn_myhdl import DesignError
from ernn_myhdl.exchange.keras_parts import parts

SLICE = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}


@pytest.mark.parametrize(("index", "message"), [
    ([SLICE, {"class_name": "__slice__", "config": {"start": 2, "stop": None, "step": None}}], "some of the frames"),
    ([SLICE, 0], "some of the frames"),
    ([SLICE, SLICE, 1], r"without its axis; keep it, as x\[..., 0:1\] does"),
    ([0, SLICE, SLICE], r"may take the last frame, y\[:, -1\]"),
    ([SLICE, SLICE, {"class_name": "__slice__", "config": {"start": 5, "stop": 3, "step": None}}], "none of 6 elements"),
    ([SLICE, SLICE, {"class_name": "__slice__", "config": {"start": "a", "stop": 3, "step": None}}], "must be of whole numbers"),
    ([SLICE] * 4, "may take the last frame"),
])  # fmt: skip
def test_other_parts_are_refused_by_what_they_are(index, message):
    with pytest.raises(DesignError, match=message):
        parts("layer 'get_item' (GetItem)", index, 3, 6, 7)
