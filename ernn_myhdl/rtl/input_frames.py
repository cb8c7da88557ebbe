"""Framing of x: cuts a stream of beats into blocks of k samples, one block a cycle at most.

A frame belongs to the stream that tid names; each stream has sequences of its own. A sequence starts
with tuser, or with the stream's first frame after a reset.

Framing errors are those of `ernn_myhdl.rtl.beat_frames`: a beat with tuser or of another stream inside a
frame starts a frame. A sequence that starts with tuser is never affected by what came before it.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.parts import composed, part
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.rtl import beat_blocks, beat_frames


@block
def frame_begins(
    clk, rst, begins, user, stream, page_free, emit, opens, restart, frame_start, frame_fresh,
    frame_stream, block_valid, streams, held=None, from_state=None, frame_loaded=None, closing=None, frame_closes=None,
    bank=None, frame_bank=None,
):  # fmt: skip
    """Which frames of x begin, and of which sequences they are; ports: see `input_frames`.

    opens: a frame may begin; restart: the beat at the head is not of the frame that was begun; begins: a
    frame begins; emit: a block is complete.
    """
    pages, room = unsigned(2), Signal(bool(1))
    # one for each value of the index: see `ernn_myhdl.rtl.sequencer.groups`
    warm = [Signal(bool(0)) for _ in range(1 << len(stream))]
    current = unsigned(len(stream))

    @always_comb
    def look():
        restart.next = user or stream != current
        frame_stream.next = current

    @always_comb
    def open_with_room():
        opens.next = room

    @always_comb
    def open_with_room_and_state():
        opens.next = room and not held

    @always(clk.posedge)
    def keep():
        if rst:
            pages.next = 0
            room.next = True
            for s in range(streams):
                warm[s].next = False
            block_valid.next = False
            frame_start.next = False
            frame_fresh.next = False
        else:
            block_valid.next = emit
            frame_start.next = begins
            if begins:
                frame_fresh.next = user or not warm[stream]
                current.next = stream
                warm[stream].next = True
            if begins and not page_free:
                pages.next = pages + 1
                room.next = pages == 0
            elif page_free and not begins:
                pages.next = pages - 1
                room.next = True

    @always(clk.posedge)
    def note():
        if begins:
            frame_loaded.next = user and from_state

    @always(clk.posedge)
    def note_end():
        if begins:
            frame_closes.next = closing

    @always(clk.posedge)
    def note_bank():
        if begins:
            frame_bank.next = bank

    ending = [] if closing is None else [note_end]
    ending += [] if bank is None else [note_bank]
    return [
        look,
        keep,
        *ending,
        *([open_with_room] if held is None else [open_with_room_and_state, note]),
    ]


def _begins_leaf(streams: int, initial_states: bool, sequence_ends: bool, banks: int) -> Leaf:
    tid = Word(bits_for(streams))
    ports = ins(clk=Bit(), rst=Bit(), begins=Bit(), user=Bit(), page_free=Bit(), emit=Bit())
    ports |= ins(stream=tid) | outs(opens=Bit(), restart=Bit(), frame_start=Bit())
    ports |= outs(frame_fresh=Bit(), block_valid=Bit(), frame_stream=tid)
    if initial_states:
        ports |= ins(held=Bit(), from_state=Bit()) | outs(frame_loaded=Bit())
    if sequence_ends:
        ports |= ins(closing=Bit()) | outs(frame_closes=Bit())
    if banks > 1:
        ports |= ins(bank=Bit()) | outs(frame_bank=Bit())
    return Leaf("input_begins", frame_begins, ports, {"streams": streams})


@made_once
def input_frames(
    points: int,
    word: int,
    samples_per_beat: int,
    inputs: int,
    streams: int = 1,
    initial_states: bool = False,
    sequence_ends: bool = False,
    weight_banks: int = 1,
) -> Netlist:
    """Framing of x.

    Ports: beat_valid, beat_ready, samples, user, tlast, stream: a beat at the FIFO's head; page_free:
    the sequencer has read all of a frame; sample_block with block_valid; frame_start with
    frame_fresh, frame_stream: a frame begins, the first of a sequence, of this stream; error. At
    most two frames are held.
    With initial states: from_state: the beat with user starts a sequence from a loaded state; held: it
    may not yet; frame_loaded: the frame that begins is the first of such a sequence.
    With ends of sequences: closing: the beat, if it is the first of a frame, is of the last one of a sequence; frame_closes: of
    the frame that begins. With two banks of weights: bank of the beat, frame_bank of the frame that begins.
    """
    tid = Word(bits_for(streams))
    blocks = -(-inputs // points)
    shape = beat_frames.Shape(points, samples_per_beat, blocks, -(-inputs // samples_per_beat))
    kept = inputs - (blocks - 1) * points
    parts = [
        part("begins", _begins_leaf(streams, initial_states, sequence_ends, weight_banks)),
        part("beats", beat_frames.leaf("input_beats", shape)),
        part("samples", beat_blocks.leaf("input_samples", shape, word, kept), short="last"),
    ]
    ports = ins(clk=Bit(), rst=Bit(), beat_valid=Bit(), samples=Array(samples_per_beat, word))
    ports |= ins(user=Bit(), tlast=Bit(), stream=tid, page_free=Bit())
    ports |= outs(beat_ready=Bit(), sample_block=Array(points, word), block_valid=Bit())
    ports |= outs(frame_start=Bit(), frame_fresh=Bit(), frame_stream=tid, error=Bit())
    if initial_states:
        ports |= ins(held=Bit(), from_state=Bit()) | outs(frame_loaded=Bit())
    if sequence_ends:
        ports |= ins(closing=Bit()) | outs(frame_closes=Bit())
    if weight_banks > 1:
        ports |= ins(bank=Bit()) | outs(frame_bank=Bit())
    return composed("input_frames", parts, ports, {"other_short": Bit()})
