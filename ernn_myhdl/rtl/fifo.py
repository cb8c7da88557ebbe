"""FIFO of an AXI4-Stream: words with valid and ready on both sides, all of them from registers.

The word at the head has a register of its own, in front of a memory for those behind it. A word that finds the FIFO empty,
or with one word that leaves, goes to the head at once.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned
from ernn_myhdl.rtl import stages

DEPTH = 4
FIFO_LATENCY = stages.latency(stages.FIFO)
#: Cycles from the end of a reset until a word is taken: ready is low in it, and comes from a register.
READY = 1


@block
def stream_fifo(
    clk, rst, in_valid, in_ready, in_word, out_valid, out_ready, out_word, count, depth
):
    """First in, first out; the word at the head is visible with out_valid.

    count: words held now.
    """
    behind = max(depth - 1, 1)
    memory = [unsigned(len(in_word)) for _ in range(behind)]
    write, read = unsigned(bits_for(behind)), unsigned(bits_for(behind))
    held, head = unsigned(len(count)), unsigned(len(in_word))
    last = depth - 1
    ready, valid, several = (Signal(bool(0)) for _ in range(3))
    entering, leaving, aside, free = (Signal(bool(0)) for _ in range(4))

    # free: the head takes a word; several: there are words behind it; aside: a word goes there
    @always_comb
    def move():
        entering.next = in_valid and ready
        leaving.next = out_ready and valid
        free.next = out_ready or not valid

    @always_comb
    def divide():
        aside.next = entering and (several or not free)

    @always(clk.posedge)
    def fill():
        if rst:
            held.next = 0
            ready.next = False
            valid.next = False
            several.next = False
        else:
            ready.next = held != depth
            if entering and not leaving:
                held.next = held + 1
                ready.next = held != last
                valid.next = True
                several.next = held != 0
            if leaving and not entering:
                held.next = held - 1
                ready.next = True
                valid.next = held != 1
                several.next = held > 2

    # the place of the next word is free while one may enter: it is written whether or not the word goes to the head at once
    @always(clk.posedge)
    def store():
        if entering:
            memory[write].next = in_word

    @always(clk.posedge)
    def show():
        if free:
            if several:
                head.next = memory[read]
            else:
                head.next = in_word

    @always(clk.posedge)
    def show_one():
        if free:
            head.next = in_word

    @always(clk.posedge)
    def pointers():
        if rst:
            write.next = 0
            read.next = 0
        else:
            if aside:
                if write == behind - 1:
                    write.next = 0
                else:
                    write.next = write + 1
            if free and several:
                if read == behind - 1:
                    read.next = 0
                else:
                    read.next = read + 1

    @always_comb
    def outputs():
        in_ready.next = ready
        out_valid.next = valid
        out_word.next = head
        count.next = held

    both = [move, fill, outputs]
    return [*both, show_one] if depth == 1 else [*both, divide, store, show, pointers]


@made_once
def fifo_leaf(width: int, depth: int = DEPTH) -> Leaf:
    """A FIFO of `depth` words of `width` bits."""
    return Leaf(
        f"fifo_{depth}x{width}",
        stream_fifo,
        ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_word=Word(width), out_ready=Bit())
        | outs(
            in_ready=Bit(), out_valid=Bit(), out_word=Word(width), count=Word(bits_for(depth + 1))
        ),
        {"depth": depth},
    )
