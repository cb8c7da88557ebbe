"""The tag of a frame, which travels with its operations: what is in it, lowest bits first.

Whether the frame is the first of a sequence; with initial states, whether that sequence starts from a loaded
one; with ends of sequences, whether the frame is the last of one; with two banks of weights, the frame's; the page of y that the frame writes; its stream; in a cell that keeps values for its second phase, the
page of m.
"""

from __future__ import annotations

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.types import bits_for

#: Bits of a tag: first frame of a sequence; that starts from a loaded state.
FIRST, LOADED = 0, 1


def flags(initial_states: bool, sequence_ends: bool = False, weight_banks: int = 1) -> int:
    """Bits of a tag below the stream: those of tuser inside the core, the highest the bank; and the page of y."""
    return 2 + initial_states + sequence_ends + (weight_banks > 1)


def tag_bits(design: Structure) -> int:
    """Bits of a frame's tag; the stream has at least one."""
    hw = design.hardware
    bits = flags(hw.initial_states, hw.sequence_ends, hw.weight_banks) + bits_for(hw.streams)
    keeps = design.cell.second_phase == "candidate"
    return bits + (bits_for(design.hardware.frames_in_flight) if keeps else 0)
