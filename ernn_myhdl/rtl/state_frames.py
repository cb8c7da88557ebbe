"""Framing of s_state: cuts its beats into blocks of k words, and says which part of a state each is.

A frame of s_state is the state of one sequence in one layer before its first frame: y and then c of an
LSTM, h of a GRU, y of a vanilla RNN, each padded to whole blocks and whole beats. The blocks' spectra go to a store beside that
of y, the words to one beside the state's; both have a page for each stream (`ernn_myhdl.rtl.state_pages`).

Framing errors are those of `ernn_myhdl.rtl.beat_frames`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from myhdl import always, always_comb, block

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.parts import composed, part
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.rtl import beat_blocks, beat_frames


@dataclass(frozen=True)
class StateFrame:
    """The parts of a frame of s_state, in blocks of `Cell.tile`: those of `Cell.state_sizes`.

    parts: y and the cell state, or the only one of them, which then is where the cell state else is.
    output_blocks, cell_blocks: that are used. cell_start: the first one of the last part. blocks: of the
    frame with its padding. beats: of the frame.
    """

    parts: tuple[str, ...]
    output_blocks: int
    cell_blocks: int
    cell_start: int
    blocks: int
    beats: int

    @property
    def has_output(self) -> bool:
        """Whether y is sent before the cell state."""
        return len(self.parts) > 1

    @property
    def rounds_output(self) -> bool:
        """Whether y is made of the cell state."""
        return "output" not in self.parts


def state_frame(design: Structure) -> StateFrame:
    """The frame of s_state of a layer with a state."""
    cell, size = design.cell, design.hardware.samples_per_beat
    unit = max(cell.tile, size)
    padded = [blocks_for(n, unit) * unit for n in cell.state_sizes.values()]
    *before, total = accumulate(padded)
    return StateFrame(
        tuple(cell.state_sizes),
        cell.output_blocks,
        cell.hidden_blocks,
        before[0] // cell.tile if before else 0,
        total // cell.tile,
        total // size,
    )


@block
def state_stream(clk, begins, stream, restart, page):
    """restart: the beat at the head is of another stream than the frame that was begun, whose page is `page`."""
    current = unsigned(len(stream))

    @always_comb
    def look():
        restart.next = stream != current
        page.next = current

    @always(clk.posedge)
    def keep():
        if begins:
            current.next = stream

    return look, keep


@block
def state_places(
    clk, rst, emit, ends, count, write_output, write_cell, index, done, short, other_short,
    output_blocks, cell_start, cell_blocks,
):  # fmt: skip
    """Of which part of a state a block is, and its number there; see `state_frames` for the ports.

    emit: block `count` is complete; ends: it is the frame's last. short, other_short: block `count` is the last
    one of y, and of the cell state.
    """
    last_output, last_cell = output_blocks - 1, cell_start + cell_blocks - 1

    @always_comb
    def look():
        short.next = count == last_output
        other_short.next = count == last_cell

    @always(clk.posedge)
    def writes():
        if rst:
            done.next = False
            write_output.next = False
            write_cell.next = False
        else:
            done.next = ends
            # no comparison with a number of more bits than count: GHDL's synthesis cuts it off
            write_output.next = emit and count <= last_output
            write_cell.next = emit and count >= cell_start and count <= last_cell

    @always(clk.posedge)
    def number():
        index.next = count
        if count >= cell_start:
            index.next = count - cell_start

    return look, writes, number


def state_frames(design: Structure, word: int) -> Netlist:
    """Framing of s_state.

    Ports: beat_valid, beat_ready, samples, tlast, stream: a beat at the FIFO's head; free: its page
    is; begins: a frame begins to be taken; sample_block: a block, of y with write_output, of the cell
    state with write_cell, of the page `page`, its number there is `index`; done: it was the last of its
    frame; other_error, error: any.
    """
    cell, hw, frame = design.cell, design.hardware, state_frame(design)
    k, size = cell.tile, hw.samples_per_beat
    shape = beat_frames.Shape(k, size, frame.blocks, frame.beats)
    tid, count = Word(bits_for(hw.streams)), Word(bits_for(frame.blocks))
    where = Leaf(
        "state_stream",
        state_stream,
        ins(clk=Bit(), begins=Bit(), stream=tid) | outs(restart=Bit(), page=tid),
    )
    places = Leaf(
        "state_places",
        state_places,
        ins(clk=Bit(), rst=Bit(), emit=Bit(), ends=Bit(), count=count)
        | outs(write_output=Bit(), write_cell=Bit(), index=count, done=Bit())
        | outs(short=Bit(), other_short=Bit()),
        {
            "output_blocks": frame.output_blocks,
            "cell_start": frame.cell_start,
            "cell_blocks": frame.cell_blocks,
        },
    )
    output_kept = cell.outputs - (frame.output_blocks - 1) * k
    cell_kept = cell.hidden - (frame.cell_blocks - 1) * k
    control = beat_frames.leaf("state_beats", shape, other_error=True)
    parts = [
        part("stream", where),
        part("beats", control, opens="free"),
        part("places", places),
        part("samples", beat_blocks.leaf("state_samples", shape, word, output_kept, cell_kept)),
    ]
    ports = ins(
        clk=Bit(), rst=Bit(), beat_valid=Bit(), samples=Array(size, word), tlast=Bit(), stream=tid,
        free=Bit(), other_error=Bit(),
    ) | outs(
        beat_ready=Bit(), begins=Bit(), sample_block=Array(k, word), write_output=Bit(),
        write_cell=Bit(), index=count, page=tid, done=Bit(), error=Bit(),
    )  # fmt: skip
    return composed("state_frames", parts, ports)
