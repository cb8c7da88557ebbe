"""The part of a core that loads initial states: s_state, its stores, and where they are read.

    s_state -> FIFO -> framing -> [round ->] FFT -> store of y  --+
                          |                                      +-> instead of the stores of a layer's
                          +-----------------> store of c --------+   own y and state, in the first frame

The words of a GRU's state are rounded to y first. The blocks are in `ernn_myhdl.rtl.state_frames` and
`ernn_myhdl.rtl.state_pages`.
"""

from __future__ import annotations

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Array, Bit, Word
from ernn_myhdl.rtl import rounding, state_frames, state_pages
from ernn_myhdl.rtl.core import stream_fifo
from ernn_myhdl.rtl.core.stream_fifo import Head
from ernn_myhdl.rtl.core.wiring import Wiring
from ernn_myhdl.rtl.memory import READ_LATENCY, part_leaf
from ernn_myhdl.rtl.sequencer.tags import LOADED


def transform_latency(design: Structure, forward: int) -> int:
    """Cycles from a block of s_state until the spectrum of its y is written; forward: of a transform."""
    return forward + (rounding.LATENCY if state_frames.state_frame(design).rounds_output else 0)


class StateLoading:
    """Adds the parts to the netlist of a core. held: whether the beat at the head of s_axis must wait for its
    state. input_error: of the framing of x. head_stream, free: of the next frame of s_state, and whether its
    page is; made: outputs of its framing."""

    def __init__(self, w: Wiring) -> None:
        self.w, self.n = w, w.n
        self.frame = state_frames.state_frame(w.design)
        self.latency = transform_latency(w.design, w.time.forward_y)
        self.held = self.n.net("state_held", Bit())
        self.input_error = self.n.net("input_error", Bit())
        self.free = self.n.net("state_free", Bit())
        wide = max(getattr(w.formats, name).word for name in ("output", *self.frame.parts))
        head = stream_fifo.received(w, "s_state", "state", wide, None, "state_fifo")
        self.head_stream = head.stream
        self.made = self.n.add(
            "state_frames", state_frames.state_frames(w.design, wide), clk=w.clk, rst=w.rst,
            beat_valid=head.valid, beat_ready=head.ready, samples=head.samples, tlast=head.last,
            stream=head.stream, free=self.free, other_error=self.input_error,
            error=self.n.output("frame_error", Bit()),
        )  # fmt: skip

    def _block(self, label: str, word: int) -> Net:
        """The low bits of every word of the block."""
        source = self.made["sample_block"]
        k, wide = source.type.count, source.type.width
        parts = [(source, i * wide, word) for i in range(k)]
        return self.n.bundle(label, Array(k, word), *parts)

    def _chosen(self, label: str, tag: Net, own: Net, loaded: Net) -> Net:
        """`loaded` where the tag, of READ_LATENCY cycles before, says so; otherwise `own`."""
        bit = self.n.bundle(f"{label}_from", Word(1), (tag, LOADED, 1))
        part = self.w.delayed(f"{label}_choice", bit, READ_LATENCY)
        word = self.n.bundle(
            f"{label}_both", Array(2 * own.type.count, own.type.width), own, loaded
        )
        leaf = part_leaf(2, own.type)
        return self.n.add(f"{label}_select", leaf, word=word, part=part)["target"]

    def output_column(self, own: Net, index: Net, tag: Net) -> Net:
        """The column of y that an operation reads: `own`, or that of the loaded state."""
        w, program, f = self.w, self.w.program, self.w.formats
        if not self.frame.rounds_output:
            write = self.made["write_output" if self.frame.has_output else "write_cell"]
            y = self._block("loaded_y", f.output.word)
        else:
            write, shift = self.made["write_cell"], f.cell_state.frac - f.output.frac
            leaf = rounding.leaf(w.cell.tile, f.cell_state.word, f.output.word, shift)
            h = self._block("loaded_h", f.cell_state.word)
            y = self.n.add("round_loaded", leaf, clk=w.clk, source=h)["target"]
        k, word = w.cell.y_block, f.output_spectrum.word
        blocks = w.split("loaded_y_block", y, k)
        spectra = [
            w.forward(f"fft_loaded_{i}", "output", block, f.output_spectrum)
            for i, block in enumerate(blocks)
        ]
        loaded = w.read(
            "loaded_y", Array(k, word), program.output_groups * program.output_width * len(blocks),
            len(blocks), 1, w.hw.streams,
            write=w.delayed("loaded_y_written", write, self.latency),
            data=w.joined("loaded_spectra", spectra),
            write_page=w.delayed("loaded_y_page", self.made["page"], self.latency),
            write_index=w.delayed("loaded_y_place", self.made["index"], self.latency),
            read_page=w.stream_of("loaded_y", tag), read_index=index,
        )  # fmt: skip
        return self._chosen("loaded_y", tag, own, loaded)

    def cell_state(self, own: Net, items: int, group: dict[str, Net]) -> Net:
        """The states of a group of cells: `own`, or those of the loaded state."""
        w, k = self.w, self.w.cell.tile
        width, word = own.type.count // k, own.type.width
        loaded = w.read(
            "loaded_state", Array(k, word), items, 1, width, w.hw.streams, write=self.made["write_cell"],
            data=self._block("loaded_c", word), write_page=self.made["page"],
            write_index=self.made["index"], read_page=w.stream_of("loaded_state", group["tag"]),
            read_index=group["index"],
        )  # fmt: skip
        chosen = [
            self._chosen(f"loaded_state_{e}", group["tag"], *blocks)
            for e, blocks in enumerate(
                zip(
                    w.split("own_state", own, k),
                    w.split("held_state", loaded, k),
                    strict=True,
                )
            )
        ]
        return w.joined("first_state", chosen)

    def pages(self, head: Head, cut: dict[str, Net], group: dict[str, Net]) -> None:
        """The pages; head: of s_axis, cut: outputs of its framing, group: of the gather block of the cells."""
        w, n, made = self.w, self.n, self.made
        groups = w.program.cell_groups
        n.add(
            "state_pages", state_pages.pages_leaf(w.hw.streams, groups), clk=w.clk,
            rst=w.rst, head_stream=self.head_stream, begins=made["begins"], free=self.free,
            done=w.delayed("state_done", made["done"], self.latency),
            done_stream=w.delayed("state_done_page", made["page"], self.latency),
            user=head.user[0], from_state=head.user[1], stream=head.stream, held=self.held,
            frame_start=cut["frame_start"], frame_loaded=cut["frame_loaded"],
            frame_stream=cut["frame_stream"], cells_valid=group["valid"], cells_index=group["index"],
            cells_loaded=n.bundle("cells_read_loaded", Bit(), (group["tag"], LOADED, 1)),
            cells_stream=w.stream_of("cells_read_loaded", group["tag"]),
        )  # fmt: skip
