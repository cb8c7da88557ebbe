"""A stream that goes to several: each takes every beat once, whenever it is ready.

The source is told that a beat is taken when the last of its takers takes it. valid of a branch follows from valid of
the source and from what the branch has taken, never from a ready; ready of the source follows from the readies of the
branches. Latency 0; one beat a cycle where all are ready.
"""

from __future__ import annotations

from myhdl import always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, unsigned


@block
def divide_stream(clk, rst, valid, ready, valids, readies, full):
    """See the module; full: a word of ones, one for each branch."""
    taken, now = unsigned(len(valids)), unsigned(len(valids))

    @always_comb
    def look():
        now.next = taken | readies

    @always_comb
    def tell():
        ready.next = now == full
        if valid:
            valids.next = taken ^ full
        else:
            valids.next = 0

    @always(clk.posedge)
    def keep():
        if rst:
            taken.next = 0
        elif valid:
            if now == full:
                taken.next = 0
            else:
                taken.next = now

    return look, tell, keep


@made_once
def divide_leaf(branches: int) -> Leaf:
    """A stream that goes to so many.

    Ports: valid, ready: of the source; valids, readies: of the branches, a bit each.
    """
    word = Word(branches)
    return Leaf(
        f"divide_stream_{branches}",
        divide_stream,
        ins(clk=Bit(), rst=Bit(), valid=Bit(), readies=word) | outs(ready=Bit(), valids=word),
        {"full": (1 << branches) - 1},
    )
