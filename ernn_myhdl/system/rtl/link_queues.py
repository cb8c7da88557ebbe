"""Queues of the serial link: bytes of x that count when their message has turned out right, bytes of y that stay until their reply has
been heard."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances, modbv

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned
from ernn_myhdl.host.serial_protocol import QUEUE_BYTES

#: A byte, and whether it ends a packet.
QUEUE_WORD = 9
ROOM_BITS = 16


def _pointer(bits):
    return Signal(modbv(0)[bits:])


@block
def sent_queue(
    clk,
    rst,
    in_valid,
    in_word,
    opens,
    keep,
    fits,
    room,
    out_valid,
    out_ready,
    out_word,
    depth,
    bits,
):
    """See `sent_queue_leaf`."""
    memory = [unsigned(len(in_word)) for _ in range(depth)]
    put, kept, read, held, waiting = (_pointer(bits + 1) for _ in range(5))
    full, settled, more, over = (Signal(bool(0)) for _ in range(4))

    @always_comb
    def count():
        held.next = put - read
        waiting.next = kept - read

    @always_comb
    def look():
        full.next = held == depth
        more.next = settled and waiting != 0

    @always_comb
    def outputs():
        fits.next = not over
        room.next = depth - waiting
        out_valid.next = more

    @always(clk.posedge)
    def access():
        if in_valid and not full:
            memory[put[bits:]].next = in_word
        out_word.next = memory[read[bits:]]

    @always(clk.posedge)
    def control():
        if rst:
            put.next = 0
            kept.next = 0
            read.next = 0
            settled.next = False
            over.next = False
        else:
            settled.next = not (more and out_ready)
            if more and out_ready:
                read.next = read + 1
            if opens:
                put.next = kept
                over.next = False
            elif in_valid:
                if full:
                    over.next = True
                else:
                    put.next = put + 1
            if keep:
                kept.next = put

    return instances()


@block
def taken_queue(
    clk, rst, in_valid, in_ready, in_word, take, rewind, free, word, empty, available, depth, bits
):
    """See `taken_queue_leaf`."""
    memory = [unsigned(len(in_word)) for _ in range(depth)]
    put, seen, base, read = (_pointer(bits + 1) for _ in range(4))
    held, ahead = _pointer(bits + 1), _pointer(bits + 1)
    space = Signal(bool(0))

    @always_comb
    def count():
        held.next = put - base
        ahead.next = seen - read

    @always_comb
    def look():
        space.next = (held != depth) and not rst

    @always_comb
    def outputs():
        in_ready.next = space
        empty.next = ahead == 0
        available.next = ahead

    @always(clk.posedge)
    def access():
        if in_valid and space:
            memory[put[bits:]].next = in_word
        word.next = memory[read[bits:]]

    @always(clk.posedge)
    def control():
        if rst:
            put.next = 0
            seen.next = 0
            base.next = 0
            read.next = 0
        else:
            # a cycle later, since a read in the cycle of a write gives what was there before
            seen.next = put
            if in_valid and space:
                put.next = put + 1
            if free:
                base.next = read
            if rewind:
                read.next = base
            elif take:
                read.next = read + 1

    return instances()


def _parameters(depth: int) -> dict[str, int]:
    return {"depth": depth, "bits": bits_for(depth)}


def sent_queue_leaf(depth: int = QUEUE_BYTES, width: int = QUEUE_WORD) -> Leaf:
    """The queue of x. depth: a power of two.

    Ports: in_valid, in_word: a byte of a message that may turn out wrong; opens: a message begins, and what was put and not kept is
    gone; keep: the message was right; fits: all of it has found room; room: bytes; out_valid, out_ready, out_word: a byte every other
    cycle.
    """
    ports = ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_word=Word(width), opens=Bit())
    ports |= ins(keep=Bit(), out_ready=Bit()) | outs(fits=Bit(), room=Word(ROOM_BITS))
    ports |= outs(out_valid=Bit(), out_word=Word(width))
    return Leaf("uart_sent_queue", sent_queue, ports, _parameters(depth))


def taken_queue_leaf(depth: int = QUEUE_BYTES, width: int = QUEUE_WORD) -> Leaf:
    """The queue of y. depth: a power of two.

    Ports: in_valid, in_ready, in_word: bytes of packets; word: the one at the pointer, two cycles after the pointer has moved; empty: there
    is none; available: bytes from there on; take: the pointer moves on; rewind: it goes back to where the last release was; free:
    bytes before it are gone.
    """
    ports = ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_word=Word(width), take=Bit())
    ports |= ins(rewind=Bit(), free=Bit()) | outs(in_ready=Bit(), word=Word(width))
    ports |= outs(empty=Bit(), available=Word(ROOM_BITS))
    return Leaf("uart_taken_queue", taken_queue, ports, _parameters(depth))
