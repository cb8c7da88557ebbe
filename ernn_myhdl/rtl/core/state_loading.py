"""The part of a core that loads initial states: s_state, its stores, and where they are read.

    s_state -> FIFO -> framing -> [round ->] FFT -> store of y  --+
                          |                                      +-> instead of the stores of a layer's
                          +-----------------> store of c --------+   own y and state, in the first frame

The words of a GRU's state are rounded to y first. The leaves are in `ernn_myhdl.rtl.initial_state`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Array, Bit, Word
from ernn_myhdl.rtl import initial_state, rounding, stream
from ernn_myhdl.rtl.memory import READ_LATENCY, part_leaf

if TYPE_CHECKING:
    from ernn_myhdl.rtl.core.top import _Core

#: Bits of a tag: first frame of a sequence; that starts from a loaded state.
FIRST, LOADED = 0, 1


def transform_latency(design: Structure, forward: int) -> int:
    """Cycles from a block of s_state until the spectrum of its y is written; forward: of a transform."""
    return forward + (rounding.LATENCY if initial_state.state_frame(design).rounds_output else 0)


class StateLoading:
    """Adds the parts to the netlist of a core, in the order of the core's own.

    held: whether the beat at the head of s_axis must wait for its state. input_error: of the framing of x.
    group: of the cells of the first phase, whose last one frees a state's page.
    """

    def __init__(self, core: _Core) -> None:
        self.core, self.n = core, core.n
        self.frame = initial_state.state_frame(core.design)
        self.latency = transform_latency(core.design, core.time.forward_y)
        self.held = self.n.net("state_held", Bit())
        self.input_error = self.n.net("input_error", Bit())
        self.free = self.n.net("state_free", Bit())
        self.head_stream, self.made = self._framed()
        self.group: dict[str, Net] = {}

    def _framed(self) -> tuple[Net, dict[str, Net]]:
        """The ports, the FIFO and the framing: the stream at its head, the framing's outputs."""
        core, n, hw, f = self.core, self.n, self.core.hw, self.core.formats
        tdata = Word(hw.samples_per_beat * hw.sample_bits)
        fields = [n.input("s_state_tdata", tdata), n.input("s_state_tlast", Bit())]
        if hw.streams > 1:
            fields.append(n.input("s_state_tid", core.stream))
        beat = n.bundle("state_beat", Word(sum(p.type.bits for p in fields)), *fields)
        pop = n.net("state_pop", Bit())
        head = n.add(
            "state_fifo", stream.fifo_leaf("state_fifo", beat.type.width), clk=core.clk,
            rst=core.rst, in_valid=n.input("s_state_tvalid", Bit()),
            in_ready=n.output("s_state_tready", Bit()), in_word=beat, out_ready=pop,
        )  # fmt: skip
        word = head["out_word"]
        tid = n.zero("state_head_stream", core.stream)
        if hw.streams > 1:
            tid = n.bundle(
                "state_head_tid", core.stream, (word, tdata.width + 1, core.stream.width)
            )
        wide = max(getattr(f, name).word for name in ("output", *self.frame.parts))
        samples = n.bundle(
            "state_samples",
            Array(hw.samples_per_beat, wide),
            *[(word, i * hw.sample_bits, wide) for i in range(hw.samples_per_beat)],
        )
        made = n.add(
            "state_frames", initial_state.frames_leaf(core.design, wide), clk=core.clk,
            rst=core.rst, beat_valid=head["out_valid"], beat_ready=pop, samples=samples,
            tlast=n.bundle("state_head_last", Bit(), (word, tdata.width, 1)), stream=tid,
            free=self.free, other_error=self.input_error, error=n.output("frame_error", Bit()),
        )  # fmt: skip
        return tid, made

    def _block(self, label: str, word: int) -> Net:
        """The low bits of every word of the block."""
        source = self.made["sample_block"]
        k, wide = source.type.count, source.type.width
        parts = [(source, i * wide, word) for i in range(k)]
        return self.n.bundle(label, Array(k, word), *parts)

    def fresh(self, label: str, tag: Net) -> Net:
        """Whether the frame of the tag starts from zero."""
        first, loaded = (
            self.n.bundle(f"{label}_{name}", Bit(), (tag, bit, 1))
            for name, bit in (("first", FIRST), ("loaded", LOADED))
        )
        leaf = initial_state.not_loaded_leaf()
        return self.n.add(f"{label}_fresh", leaf, first=first, loaded=loaded)["fresh"]

    def _chosen(self, label: str, tag: Net, own: Net, loaded: Net) -> Net:
        """`loaded` where the tag, of READ_LATENCY cycles before, says so; otherwise `own`."""
        bit = self.n.bundle(f"{label}_from", Word(1), (tag, LOADED, 1))
        part = self.core.delayed(f"{label}_choice", bit, READ_LATENCY)
        word = self.n.bundle(
            f"{label}_both", Array(2 * own.type.count, own.type.width), own, loaded
        )
        leaf = part_leaf(2, own.type)
        return self.n.add(f"{label}_select", leaf, word=word, part=part)["target"]

    def output_column(self, own: Net, index: Net, tag: Net) -> Net:
        """The column of y that an operation reads: `own`, or that of the loaded state."""
        core, program, f = self.core, self.core.program, self.core.formats
        if not self.frame.rounds_output:
            write = self.made["write_output" if self.frame.has_output else "write_cell"]
            y = self._block("loaded_y", f.output.word)
        else:
            write, shift = self.made["write_cell"], f.cell_state.frac - f.output.frac
            leaf = rounding.leaf(core.cell.tile, f.cell_state.word, f.output.word, shift)
            h = self._block("loaded_h", f.cell_state.word)
            y = self.n.add("round_loaded", leaf, clk=core.clk, source=h)["target"]
        k, word = core.cell.y_block, f.output_spectrum.word
        blocks = core.split("loaded_y_block", y, k)
        spectra = [
            core.forward(f"fft_loaded_{i}", "output", block, f.output_spectrum)
            for i, block in enumerate(blocks)
        ]
        loaded = core.read(
            "loaded_y", Array(k, word), program.output_groups * program.output_width * len(blocks),
            len(blocks), 1, core.hw.streams,
            write=core.delayed("loaded_y_written", write, self.latency),
            data=core.joined("loaded_spectra", spectra),
            write_page=core.delayed("loaded_y_page", self.made["page"], self.latency),
            write_index=core.delayed("loaded_y_place", self.made["index"], self.latency),
            read_page=core.stream_of("loaded_y", tag), read_index=index,
        )  # fmt: skip
        return self._chosen("loaded_y", tag, own, loaded)

    def cell_state(self, own: Net, items: int, group: dict[str, Net]) -> Net:
        """The states of a group of cells: `own`, or those of the loaded state."""
        core, k = self.core, self.core.cell.tile
        width, word = own.type.count // k, own.type.width
        loaded = core.read(
            "loaded_state", Array(k, word), items, 1, width, core.hw.streams, write=self.made["write_cell"],
            data=self._block("loaded_c", word), write_page=self.made["page"],
            write_index=self.made["index"], read_page=core.stream_of("loaded_state", group["tag"]),
            read_index=group["index"],
        )  # fmt: skip
        chosen = [
            self._chosen(f"loaded_state_{e}", group["tag"], *blocks)
            for e, blocks in enumerate(
                zip(
                    core.split("own_state", own, k),
                    core.split("held_state", loaded, k),
                    strict=True,
                )
            )
        ]
        return core.joined("first_state", chosen)

    def pages(self, user: Net, from_state: Net, tid: Net, cut: dict[str, Net]) -> None:
        """The pages; user, from_state, tid: of the beat at the head of s_axis, cut: of its framing."""
        core, n, made = self.core, self.n, self.made
        groups = core.program.cell_groups
        n.add(
            "state_pages", initial_state.pages_leaf(core.hw.streams, groups), clk=core.clk,
            rst=core.rst, head_stream=self.head_stream, begins=made["begins"], free=self.free,
            done=core.delayed("state_done", made["done"], self.latency),
            done_stream=core.delayed("state_done_page", made["page"], self.latency),
            user=user, from_state=from_state, stream=tid, held=self.held,
            frame_start=cut["frame_start"], frame_loaded=cut["frame_loaded"],
            frame_stream=cut["frame_stream"], cells_valid=self.group["valid"], cells_index=self.group["index"],
            cells_loaded=n.bundle("cells_read_loaded", Bit(), (self.group["tag"], LOADED, 1)),
            cells_stream=core.stream_of("cells_read_loaded", self.group["tag"]),
        )  # fmt: skip
