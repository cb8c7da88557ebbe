"""Sticky bits, counters, and what is counted."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances, modbv

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, unsigned

COUNTER_BITS, INSIDE_BITS = 32, 16


@block
def sticky_bits(clk, rst, sets, clears, clear_all, held, rises, bits):
    """held: bits that were set and not cleared; a set in the cycle of a clear stays. rises: one of them was 0."""
    kept = unsigned(bits)

    @always_comb
    def outputs():
        held.next = kept

    @always(clk.posedge)
    def keep():
        rises.next = False
        if rst:
            kept.next = 0
        else:
            rises.next = (sets & ~kept) != 0
            if clear_all:
                kept.next = sets
            else:
                kept.next = (kept & ~clears) | sets

    return instances()


@block
def counter(clk, rst, clear, step, count):
    """Cycles in which step is high, since the last clear, modulo what count holds."""
    kept = Signal(modbv(0)[len(count) :])

    @always_comb
    def outputs():
        count.next = kept

    @always(clk.posedge)
    def keep():
        if rst or clear:
            kept.next = 0
        elif step:
            kept.next = kept + 1

    return instances()


@block
def frames_inside(clk, rst, entered, left, inside_count, busy, idle):
    """Frames that have entered and not left; idle: in the cycle after the last of them has left."""
    kept = unsigned(len(inside_count))

    @always_comb
    def outputs():
        inside_count.next = kept
        busy.next = kept != 0

    @always(clk.posedge)
    def keep():
        if rst:
            kept.next = 0
            idle.next = False
        else:
            idle.next = left and not entered and kept == 1
            if entered and not left:
                kept.next = kept + 1
            elif left and not entered:
                kept.next = kept - 1

    return instances()


@block
def stream_watch(valid, ready, last, stalled, packet):
    """stalled: a beat waits; packet: the last beat of a packet is taken."""

    @always_comb
    def look():
        stalled.next = valid and not ready
        packet.next = valid and ready and last

    return look


@block
def interrupt(enabled, pending, irq):
    """irq: a cause that is enabled is pending."""

    @always_comb
    def look():
        irq.next = (enabled & pending) != 0

    return look


@block
def either(a, b, q):
    """q = a or b."""

    @always_comb
    def look():
        q.next = a or b

    return look


@block
def refused_write(valid, legal, q):
    """q: a write is used that may not be."""

    @always_comb
    def look():
        q.next = valid and not legal

    return look


def sticky_leaf(bits: int) -> Leaf:
    """Sticky bits."""
    ports = ins(clk=Bit(), rst=Bit(), sets=Word(bits), clears=Word(bits), clear_all=Bit())
    ports |= outs(held=Word(bits), rises=Bit())
    return Leaf(f"axi_sticky_{bits}", sticky_bits, ports, {"bits": bits})


def counter_leaf() -> Leaf:
    """A counter."""
    ports = ins(clk=Bit(), rst=Bit(), clear=Bit(), step=Bit()) | outs(count=Word(COUNTER_BITS))
    return Leaf("axi_counter", counter, ports)


def inside_leaf() -> Leaf:
    """Frames in the core."""
    ports = ins(clk=Bit(), rst=Bit(), entered=Bit(), left=Bit())
    ports |= outs(inside_count=Word(INSIDE_BITS), busy=Bit(), idle=Bit())
    return Leaf("axi_frames_inside", frames_inside, ports)


def watch_leaf() -> Leaf:
    """What is counted of a stream."""
    ports = ins(valid=Bit(), ready=Bit(), last=Bit()) | outs(stalled=Bit(), packet=Bit())
    return Leaf("axi_stream_watch", stream_watch, ports)


def interrupt_leaf(bits: int) -> Leaf:
    """The interrupt."""
    return Leaf(
        "axi_interrupt", interrupt, ins(enabled=Word(bits), pending=Word(bits)) | outs(irq=Bit())
    )


def either_leaf() -> Leaf:
    """Or."""
    return Leaf("axi_either", either, ins(a=Bit(), b=Bit()) | outs(q=Bit()))


def refused_write_leaf() -> Leaf:
    """Writes that are refused."""
    return Leaf("axi_refused_write", refused_write, ins(valid=Bit(), legal=Bit()) | outs(q=Bit()))
