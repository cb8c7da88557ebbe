"""The cycle model of s_state: when the state of each sequence is there.

States are offered from cycle 0 on, one after the other in the order of the frames that start from them.
Each waits until its stream's page is free, which the cells of the sequence before have read.
"""

from __future__ import annotations

from collections.abc import Sequence

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.rtl import beat_frames, fft, fifo, state_frames, state_pages
from ernn_myhdl.rtl.cells import cell_parts
from ernn_myhdl.rtl.cells.units import units_for
from ernn_myhdl.rtl.core.state_loading import transform_latency
from ernn_myhdl.rtl.memory import READ_LATENCY


class StateTimes:
    """Times of the states before the frames of `streams` for which `loaded` is true."""

    def __init__(self, design: Structure, streams: Sequence[int], loaded: Sequence[bool]) -> None:
        self.streams, self.loaded = streams, loaded
        cell, size = design.cell, design.hardware.samples_per_beat
        #: Cycles in which the blocks of a frame of s_state are cut.
        self.length = state_frames.state_frame(design).beats * max(size // cell.tile, 1)
        self.store = transform_latency(design, fft.forward_latency(cell.y_block))
        parts = cell_parts.latency(design.hardware.cell_cycles)
        self.read = READ_LATENCY + parts + units_for(design)[0].latency
        self.next = fifo.FIFO_LATENCY
        self.free = dict.fromkeys(streams, 0)
        self.there: dict[int, int] = {}

    def ready(self, number: int) -> int:
        """First cycle in which frame `number` may be cut; asked of all frames in order."""
        if not self.loaded[number]:
            return 0
        if number not in self.there:
            last = max(self.next, self.free[self.streams[number]]) + self.length - 1
            self.next = last + 1
            full = last + beat_frames.FRAMING_LATENCY + self.store
            self.there[number] = full + state_pages.PAGE_LATENCY
        return self.there[number]

    def used(self, number: int, cells: int) -> None:
        """The last cells of frame `number` are there in cycle `cells`: its page is free."""
        if self.loaded[number]:
            self.free[self.streams[number]] = cells - self.read + state_pages.PAGE_LATENCY
