"""Framing of packets: beats of the core counted into frames, and the flags that make packets of the frames of y.

A packet is one frame, or as many as there are up to its tlast. A frame has a fixed number of beats. A packet that
ends inside a frame is an error, and the rest of that frame is zero; a packet of one frame that goes on is
another, and what is too much is dropped up to its tlast. So the core gets frames of the right length only, and
each packet of x gives one packet of y.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned


@block
def packet_beats(
    clk, rst, in_valid, in_ready, in_last, complete, single, out_valid, out_ready, first, last, fill,
    opens, started, flag_valid, flag_ready, flag, short, long, gap, entered, beats,
):  # fmt: skip
    """See `packet_beats_leaf`."""
    index = unsigned(bits_for(beats))
    filling, dropping, begun, one = (Signal(bool(0)) for _ in range(4))
    offered, closing, room, moved, mode, ended = (Signal(bool(0)) for _ in range(6))

    @always_comb
    def look():
        closing.next = index == beats - 1
        mode.next = (one and begun) or (single and not begun)

    @always_comb
    def may():
        room.next = flag_ready or not closing
        offered.next = filling or (in_valid and not dropping)
        ended.next = filling or in_last

    @always_comb
    def move():
        moved.next = offered and room and out_ready

    @always_comb
    def streams():
        in_ready.next = dropping or (room and out_ready and not filling)
        out_valid.next = offered and room
        flag_valid.next = moved and closing
        flag.next = ended or mode

    @always_comb
    def tell():
        first.next = index == 0
        last.next = closing
        fill.next = filling
        opens.next = not begun
        started.next = begun
        entered.next = moved and index == 0

    @always_comb
    def errors():
        short.next = moved and not filling and in_last and (not closing or not complete)
        long.next = moved and not filling and closing and mode and not in_last
        gap.next = moved and not filling and not in_last and not complete

    @always(clk.posedge)
    def control():
        if rst:
            index.next = 0
            filling.next = False
            dropping.next = False
            begun.next = False
            one.next = False
        else:
            if dropping and in_valid and in_last:
                dropping.next = False
            if moved:
                one.next = mode
                if closing:
                    index.next = 0
                    filling.next = False
                    begun.next = not (ended or mode)
                    dropping.next = mode and not ended
                else:
                    index.next = index + 1
                    filling.next = ended
                    begun.next = True

    return instances()


def packet_beats_leaf(beats: int) -> Leaf:
    """Frames of `beats` beats.

    Ports: in_valid, in_ready, in_last: beats of packets; complete: of this one all bytes that it needs are kept;
    single: packets are one frame; out_valid, out_ready, first, last: beats of frames; fill: this one is zero; opens:
    it begins a packet; started: a packet has begun; flag_valid, flag_ready, flag: for each frame, whether it is the last of its
    packet; short, long, gap: errors; entered: a frame begins.
    """
    read = ("clk", "rst", "in_valid", "in_last", "complete", "single", "out_ready", "flag_ready")
    told = (
        "in_ready", "out_valid", "first", "last", "fill", "opens", "started", "flag_valid", "flag", "short", "long",
        "gap", "entered",
    )  # fmt: skip
    ports = ins(**dict.fromkeys(read, Bit())) | outs(**dict.fromkeys(told, Bit()))
    return Leaf("axi_packet_beats", packet_beats, ports, {"beats": beats})


@block
def kept_bytes(data, keep, fill, last, kept, complete, count, used):
    """The bytes that are kept, others zero; complete: all are, of a frame's last beat the first `used`."""

    @always_comb
    def mask():
        for i in range(count):
            if fill or keep[i] == 0:
                kept[i].next = 0
            else:
                kept[i].next = data[i]

    @always_comb
    def look():
        complete.next = True
        for i in range(count):
            if keep[i] == 0 and (i < used or not last):
                complete.next = False

    return instances()


def kept_bytes_leaf(count: int, used: int) -> Leaf:
    """Beats of `count` bytes; used: of a frame's last one."""
    ports = ins(data=Array(count, 8), keep=Array(count, 1), fill=Bit(), last=Bit())
    ports |= outs(kept=Array(count, 8), complete=Bit())
    return Leaf("axi_kept_bytes", kept_bytes, ports, {"count": count, "used": used})


@block
def packet_sequences(
    clk, rst, entered, first, opens, whole, frames, streams, start, finish, user, stream, ended, begins, closes_round,
    most_frames,
):  # fmt: skip
    """See `packet_sequences_leaf`."""
    turn, next_turn, shown = (unsigned(len(stream)) for _ in range(3))
    active, in_use, turns, turn_after = (unsigned(len(streams)) for _ in range(4))
    # of a frame in its sequence, from 1; what is behind most_frames has the number behind that
    number, this_number = unsigned(len(frames) + 1), unsigned(len(frames) + 1)
    number_after = unsigned(len(frames) + 1)
    pending, anew, from_first, opens_round, closes = (Signal(bool(0)) for _ in range(5))
    counted, finishing, ending, finish_pending = (Signal(bool(0)) for _ in range(4))
    alone, one_stream, enough, enough_streams = (Signal(bool(0)) for _ in range(4))
    shown_ended, shown_begins, shown_closes = (Signal(bool(0)) for _ in range(3))

    # for a sequence that begins and for one that goes on, each from registers; which of them it is comes late
    @always_comb
    def look():
        anew.next = pending or (whole and opens)
        alone.next = frames == 1
        enough.next = frames != 0 and number >= frames
        one_stream.next = streams <= 1
        turns.next = turn + 1
        if number > most_frames:
            number_after.next = number
        else:
            number_after.next = number + 1

    @always_comb
    def compare():
        enough_streams.next = turns >= active

    @always_comb
    def place():
        opens_round.next = anew or turn == 0
        from_first.next = anew or number == 1
        if anew:
            next_turn.next = 0
            turn_after.next = 1
            this_number.next = 1
        else:
            next_turn.next = turn
            turn_after.next = turns
            this_number.next = number

    @always_comb
    def over():
        if opens_round:
            in_use.next = streams
            closes.next = one_stream
            finishing.next = finish_pending
        else:
            in_use.next = active
            closes.next = enough_streams
            finishing.next = ending

    @always_comb
    def count():
        if anew:
            counted.next = finishing or alone
        else:
            counted.next = finishing or enough

    @always_comb
    def outputs():
        user.next = first and from_first
        if first:
            stream.next = next_turn
            ended.next = counted
            begins.next = from_first
            closes_round.next = closes
        else:
            stream.next = shown
            ended.next = shown_ended
            begins.next = shown_begins
            closes_round.next = shown_closes

    @always(clk.posedge)
    def keep():
        if rst:
            turn.next = 0
            shown.next = 0
            active.next = 1
            number.next = 1
            pending.next = True
            ending.next = False
            finish_pending.next = False
            shown_ended.next = False
            shown_begins.next = False
            shown_closes.next = False
        else:
            if finish:
                finish_pending.next = True
            elif entered and opens_round:
                finish_pending.next = False
            if entered:
                pending.next = start
                shown.next = next_turn
                active.next = in_use
                ending.next = finishing
                shown_ended.next = counted
                shown_begins.next = from_first
                shown_closes.next = closes
                if closes:
                    turn.next = 0
                    if counted:
                        number.next = 1
                    elif anew:
                        number.next = 2
                    else:
                        number.next = number_after
                else:
                    turn.next = turn_after
                    number.next = this_number
            elif start:
                pending.next = True

    return instances()


def packet_sequences_leaf(streams: int, frames_bits: int, streams_bits: int) -> Leaf:
    """Which frame starts a sequence, and of which stream it is.

    Ports: entered: a frame begins; first: the beat is a frame's first; opens: it begins a packet; whole: packets are
    whole sequences; frames: of a sequence, or 0; streams: in use, 1 to the core's; start, finish: a sequence begins, or ends, with the
    next frame of each stream; user, stream: of the beat; ended: its frame is known to be its sequence's last one; begins: is its first
    one; closes_round: is the last of a frame of each stream.
    """
    bits = ("clk", "rst", "entered", "first", "opens", "whole", "start", "finish")
    ports = ins(**dict.fromkeys(bits, Bit()), frames=Word(frames_bits), streams=Word(streams_bits))
    ports |= outs(user=Bit(), stream=Word(bits_for(streams)))
    ports |= outs(ended=Bit(), begins=Bit(), closes_round=Bit())
    most = (1 << frames_bits) - 1
    return Leaf("axi_packet_sequences", packet_sequences, ports, {"most_frames": most})


@block
def packet_merge(
    in_valid,
    in_ready,
    in_last,
    told,
    flag_valid,
    flag_ready,
    flag,
    out_valid,
    out_ready,
    out_last,
    left,
    done,
):
    """See `packet_merge_leaf`."""
    known, closing = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def place():
        closing.next = in_last and told

    @always_comb
    def look():
        known.next = flag_valid or not closing

    @always_comb
    def outputs():
        out_valid.next = in_valid and known
        in_ready.next = out_ready and known
        out_last.next = closing and flag
        flag_ready.next = in_valid and closing and out_ready
        left.next = in_valid and in_last and out_ready and known
        done.next = in_valid and closing and out_ready and known

    return instances()


def packet_merge_leaf() -> Leaf:
    """Frames of y to packets.

    Ports: in_valid, in_ready, in_last: beats of frames; told: this frame has a flag; flag_valid, flag_ready, flag: for each frame that
    has one, whether it is the last of its packet; out_valid, out_ready, out_last: beats of packets; left: a frame has left; done: one that had
    a flag.
    """
    read = ("in_valid", "in_last", "told", "flag_valid", "flag", "out_ready")
    told = ("in_ready", "flag_ready", "out_valid", "out_last", "left", "done")
    ports = ins(**dict.fromkeys(read, Bit())) | outs(**dict.fromkeys(told, Bit()))
    return Leaf("axi_packet_merge", packet_merge, ports)


@block
def packet_kind(clk, mode, single, whole):
    """single: packets are one frame; whole: they are whole sequences; a cycle behind the register, in registers."""

    @always(clk.posedge)
    def look():
        single.next = mode == 0
        whole.next = mode == 1

    return look
