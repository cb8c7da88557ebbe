"""Register slice of a stream: every output is a register, one word a cycle passes.

ready is a register too, so a word that arrives in the cycle in which the other side stops is kept aside.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, unsigned

SKID_LATENCY = 1


@block
def skid_buffer(clk, rst, in_valid, in_ready, in_word, out_valid, out_ready, out_word):
    """First in, first out; two words at most."""
    ready, valid = Signal(bool(0)), Signal(bool(0))
    word, aside = unsigned(len(in_word)), unsigned(len(in_word))
    # ready is low in the cycles after a reset begins, and while a word is aside
    waiting = Signal(bool(0))

    @always_comb
    def outputs():
        in_ready.next = ready
        out_valid.next = valid
        out_word.next = word

    @always(clk.posedge)
    def keep():
        if rst:
            ready.next = False
            valid.next = False
            waiting.next = False
        else:
            if out_ready or not valid:
                if waiting:
                    valid.next = True
                    waiting.next = False
                    ready.next = True
                else:
                    valid.next = in_valid and ready
                    ready.next = True
            elif in_valid and ready:
                waiting.next = True
                ready.next = False
            else:
                ready.next = not waiting

    @always(clk.posedge)
    def words():
        if out_ready or not valid:
            if waiting:
                word.next = aside
            else:
                word.next = in_word
        if ready:
            aside.next = in_word

    return instances()


def skid_leaf(name: str, width: int) -> Leaf:
    """A register slice of `width` bits."""
    return Leaf(
        name,
        skid_buffer,
        ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_word=Word(width), out_ready=Bit())
        | outs(in_ready=Bit(), out_valid=Bit(), out_word=Word(width)),
    )
