"""Packets of cores that do not give a frame of y for each of x.

Where y stands for sequences the core has to know, with the first beat of a frame, whether it is its sequence's last one. tlast of a
packet tells that with the frame's last beat, so frames wait in a FIFO until they are whole. A flag goes to the merger for each sequence.

Where windows leave frames out, a flag goes there for each frame that has a y. It is the last of its packet if no other frame of the packet has
one, so it is told with the next of these frames or with the packet's end.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.design.joins import Cadence
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, bits_for, unsigned


@block
def sequence_flags(closes, last, whole, ended, over, due, flag):
    """See `sequence_flags_leaf`."""
    is_over = Signal(bool(0))

    @always_comb
    def look():
        is_over.next = ended or (whole and last)

    @always_comb
    def outputs():
        over.next = is_over
        due.next = closes and is_over
        flag.next = last or not whole

    return instances()


def sequence_flags_leaf() -> Leaf:
    """Flags of sequences.

    Ports: closes: the last beat of a frame of x moves; last: the frame is the last of its packet; whole: packets are whole sequences; ended: the frame
    is its sequence's last one whatever its packet is; over: it is that; due, flag: the flag of a sequence. A sequence is a packet of y
    unless packets are whole sequences.
    """
    read, told = ("closes", "last", "whole", "ended"), ("over", "due", "flag")
    ports = ins(**dict.fromkeys(read, Bit())) | outs(**dict.fromkeys(told, Bit()))
    return Leaf("axi_sequence_flags", sequence_flags, ports)


@block
def whole_frames(
    clk, rst, in_valid, in_ready, in_last, known, over, taken, out_valid, out_ready, ends
):
    """See `whole_frames_leaf`."""
    begun = Signal(bool(0))

    @always_comb
    def outputs():
        out_valid.next = in_valid and (begun or known)
        in_ready.next = out_ready and (begun or known)
        taken.next = in_valid and out_ready and not begun
        ends.next = over and not begun

    @always(clk.posedge)
    def keep():
        if rst:
            begun.next = False
        elif in_valid and out_ready and (begun or known):
            begun.next = not in_last

    return instances()


def whole_frames_leaf() -> Leaf:
    """Beats of a frame go on when it is known whether it is its sequence's last one.

    Ports: in_valid, in_ready, in_last, out_valid, out_ready: beats of frames; known, over, taken: for each frame whether it is a sequence's last one;
    ends: of the beat, high with the first one of such a frame.
    """
    read = ("clk", "rst", "in_valid", "in_last", "known", "over", "out_ready")
    told = ("in_ready", "taken", "out_valid", "ends")
    ports = ins(**dict.fromkeys(read, Bit())) | outs(**dict.fromkeys(told, Bit()))
    return Leaf("axi_whole_frames", whole_frames, ports)


@block
def kept_end(clk, rst, valid, ready, last, mark, told):
    """See `kept_end_leaf`."""
    begun, kept = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def look():
        if begun:
            told.next = kept
        else:
            told.next = mark

    @always(clk.posedge)
    def keep():
        if rst:
            begun.next = False
            kept.next = False
        elif valid and ready:
            begun.next = not last
            kept.next = told

    return instances()


def kept_end_leaf() -> Leaf:
    """The bit of a frame's first beat for all of its beats. Ports: valid, ready, last: beats of frames; mark: of the first one; told."""
    read = ("clk", "rst", "valid", "ready", "last", "mark")
    ports = ins(**dict.fromkeys(read, Bit())) | outs(told=Bit())
    return Leaf("axi_kept_end", kept_end, ports)


@block
def frame_flags(
    clk, rst, closes, last, begins, closes_round, flag_ready, ready, due, flag, entered, head, step,
):  # fmt: skip
    """See `frame_flags_leaf`."""
    most = max(head, step - 1)
    missing, left_out = unsigned(bits_for(most + 1)), unsigned(bits_for(most + 1))
    gives, pending, closing = (Signal(bool(0)) for _ in range(3))
    told, both = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def place():
        if begins:
            left_out.next = head
        else:
            left_out.next = missing

    @always_comb
    def look():
        gives.next = left_out == 0

    @always_comb
    def judge():
        both.next = gives and pending
        told.next = (gives and pending) or (last and (gives or pending))

    @always_comb
    def outputs():
        ready.next = flag_ready and not closing
        due.next = closing or (closes and told)
        flag.next = closing or (last and not both)
        entered.next = closes and gives

    @always(clk.posedge)
    def keep():
        if rst:
            missing.next = 0
            pending.next = False
            closing.next = False
        else:
            if closing and flag_ready:
                closing.next = False
            if closes:
                closing.next = both and last
                if last:
                    pending.next = False
                elif gives:
                    pending.next = True
                if closes_round:
                    if gives:
                        missing.next = step - 1
                    else:
                        missing.next = left_out - 1

    return instances()


def frame_flags_leaf(cadence: Cadence) -> Leaf:
    """Flags of the frames of x that have a y.

    Ports: closes: the last beat of a frame of x moves; last: the frame is the last of its packet; begins: the first of its sequence; closes_round: the
    last one of a frame of each stream; flag_ready, due, flag: flags; ready: a frame's last beat may move; entered: it has a y.
    """
    read = ("clk", "rst", "closes", "last", "begins", "closes_round", "flag_ready")
    told = ("ready", "due", "flag", "entered")
    ports = ins(**dict.fromkeys(read, Bit())) | outs(**dict.fromkeys(told, Bit()))
    return Leaf(
        "axi_frame_flags", frame_flags, ports, {"head": cadence.first, "step": cadence.step}
    )


@block
def both_ready(a, b, q):
    """q = a and b."""

    @always_comb
    def look():
        q.next = a and b

    return look


def both_leaf() -> Leaf:
    """And."""
    return Leaf("axi_both", both_ready, ins(a=Bit(), b=Bit()) | outs(q=Bit()))
