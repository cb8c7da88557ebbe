"""The memory of the cell state between frames: read by the first unit, written by the unit that makes it."""

from __future__ import annotations

from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for
from ernn_myhdl.rtl.core.state_loading import StateLoading
from ernn_myhdl.rtl.core.wiring import Wiring
from ernn_myhdl.rtl.memory import READ_LATENCY


class CellState:
    """The state of all cells, a page for each stream.

    It is read in groups of `width` blocks of cells and written in groups of as many as the unit that makes it
    has.
    """

    def __init__(self, w: Wiring, width: int) -> None:
        n, program = w.n, w.program
        self.w, self.width = w, width
        self.written = program.output_width if w.cell.second_phase == "candidate" else width
        self.items = state_items(w, width)
        self.item = Array(w.cell.tile, w.formats.cell_state.word)
        self.data = n.net("state_data", Array(self.written * self.item.count, self.item.width))
        self.write = n.net("state_write", Bit())
        self.index = n.net("state_index", Word(bits_for(-(-self.items // self.written))))
        self.page = n.net("state_page", w.stream)

    def read(self, label: str, group: dict[str, Net], states: StateLoading | None) -> Net:
        """The states of a group, READ_LATENCY after the gather block tells of it; label: of the unit."""
        w = self.w
        state = w.read(
            "state", self.item, self.items, self.written, self.width, w.hw.streams,
            write=self.write, write_index=self.index, write_page=self.page, data=self.data,
            read_index=group["index"], read_page=w.stream_of(f"{label}_read", group["tag"]),
        )  # fmt: skip
        return state if states is None else states.cell_state(state, self.items, group)

    def new(self, width: int, valid: Net, frame: Net, index: Net, at: int) -> list[Net]:
        """The nets that `width` blocks drive with their new states.

        valid, frame: of their operands, at: cycles from these to the new states; index: of the group,
        READ_LATENCY before.
        """
        n, w = self.w.n, self.w
        n.wire(self.write, w.delayed("state_written", valid, at))
        late = w.delayed("state_index_written", index, READ_LATENCY + at)
        n.wire(self.index, w.low_bits("state_place", late, self.index.type))
        tag = w.delayed("state_tag", frame, at)
        n.wire(self.page, w.stream_of("state_written", tag))
        kind = Array(self.data.type.count // width, self.data.type.width)
        nets = [n.net(f"new_state_{i}", kind) for i in range(width)]
        n.wire(self.data, *nets)
        return nets


def state_items(w: Wiring, width: int) -> int:
    """Blocks of a memory of all cells that is read by `width` blocks at once."""
    program = w.program
    written = program.output_width if w.cell.second_phase == "candidate" else width
    return max(program.cell_groups * width, program.output_groups * written)
