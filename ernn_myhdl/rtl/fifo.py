"""FIFO of an AXI4-Stream: DEPTH words with valid and ready on both sides; ready depends on the fill level."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.hdl.netlist import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned

DEPTH = 4
FIFO_LATENCY = 1


@block
def stream_fifo(
    clk, rst, in_valid, in_ready, in_word, out_valid, out_ready, out_word, count, depth
):
    """First in, first out; the word at the head is visible with out_valid.

    count: words held now.
    """
    memory = [unsigned(len(in_word)) for _ in range(depth)]
    write = unsigned(bits_for(depth))
    read = unsigned(bits_for(depth))
    held = unsigned(bits_for(depth + 1))
    ready = Signal(bool(0))

    @always(clk.posedge)
    def store():
        if in_valid and ready:
            memory[write].next = in_word

    @always(clk.posedge)
    def pointers():
        if rst:
            write.next = 0
            read.next = 0
            held.next = 0
        else:
            if in_valid and ready:
                if write == depth - 1:
                    write.next = 0
                else:
                    write.next = write + 1
            if out_ready and held != 0:
                if read == depth - 1:
                    read.next = 0
                else:
                    read.next = read + 1
            if (in_valid and ready) and not (out_ready and held != 0):
                held.next = held + 1
            elif (out_ready and held != 0) and not (in_valid and ready):
                held.next = held - 1

    @always_comb
    def may_write():
        ready.next = (held != depth) and not rst

    @always_comb
    def outputs():
        in_ready.next = ready
        out_valid.next = held != 0
        out_word.next = memory[read]
        count.next = held

    return instances()


@made_once
def fifo_leaf(name: str, width: int, depth: int = DEPTH) -> Leaf:
    """A FIFO of `depth` words of `width` bits."""
    return Leaf(
        name,
        stream_fifo,
        ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_word=Word(width), out_ready=Bit())
        | outs(
            in_ready=Bit(), out_valid=Bit(), out_word=Word(width), count=Word(bits_for(depth + 1))
        ),
        {"depth": depth},
    )
