"""The fields of the beats of a stream between the nodes of a graph."""

from __future__ import annotations

from collections.abc import Mapping

from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.hdl.components import Type
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Bit, Word, bits_for
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.stream_user import user_type

Slice = tuple[Net, int, int]
#: Words of the FIFO behind a join.
SLOTS = 8
#: Cycles from a beat that enters to the FIFO.
STAGES = 2
#: Cycles from a beat that enters to the result at the head of the FIFO.
JOIN_LATENCY = STAGES + fifo.FIFO_LATENCY
#: A beat enters if the FIFO holds at most so many words.
MOST_HELD = SLOTS - 1 - STAGES
#: valids and readies of the operands, and words held in the FIFO behind.
Control = tuple[Net, Net, Net]


def beat_fields(shape: StreamShape) -> dict[str, Type]:
    """Types of what a beat carries beside the handshake, by their names on AXI4-Streams."""
    fields: dict[str, Type] = {"tdata": Word(shape.data_bits), "tlast": Bit()}
    fields["tuser"] = user_type(shape)
    if shape.streams > 1:
        fields["tid"] = Word(bits_for(shape.streams))
    return fields


def extended(samples: Net, count: int, word: int, bits: int) -> list[Slice]:
    """The slices of samples of `word` bits that are sign-extended to `bits` each, which is tdata."""
    parts: list[Slice] = []
    for i in range(count):
        parts.append((samples, i * word, word))
        parts += [(samples, i * word + word - 1, 1)] * (bits - word)
    return parts


def word_of(nets: Mapping[str, Net], *names: str) -> list[Net]:
    """Those of the nets that there are."""
    return [nets[name] for name in names if name in nets]
