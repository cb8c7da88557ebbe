"""tuser of the streams of x and y, lowest bit first: first frame of a sequence; with initial states, from a loaded
state; with ends of sequences, last frame of a sequence."""

from __future__ import annotations

from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.hdl.components import Type
from ernn_myhdl.hdl.types import Bit, Word


def user_type(shape: StreamShape) -> Type:
    """The type of tuser: a bit where only starts are told."""
    return Word(shape.user_bits) if shape.user_bits > 1 else Bit()
