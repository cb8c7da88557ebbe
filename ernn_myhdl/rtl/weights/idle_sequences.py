"""Whether a sequence runs in a core whose frames of y stand for sequences, which has to be idle for new weights."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Word, bits_for
from ernn_myhdl.rtl.weights.bank_blocks import bits


@block
def idle_sequences(clk, rst, valid, ready, last, closes, stream, running, ended, streams):
    """One bank, where frames of y stand for sequences: whether one runs, and whether one ends.

    It runs from the first beat of its first frame to the last one of its last frame, which `closes` tells with its first beat; ended: that beat moves. The y of
    a sequence that has ended comes behind all that the core did for it, and one that is not over may have anything in the core.
    """
    # one for each value of the index: see `ernn_myhdl.rtl.sequencer.groups`
    places = 1 << len(stream)
    opened = [Signal(bool(0)) for _ in range(places)]
    inside, ending, final = (Signal(bool(0)) for _ in range(3))

    @always_comb
    def end():
        if inside:
            final.next = ending
        else:
            final.next = closes

    @always_comb
    def tell():
        ended.next = valid and ready and last and final

    @always_comb
    def users():
        running.next = False
        for s in range(streams):
            if opened[s]:
                running.next = True

    @always(clk.posedge)
    def keep():
        if rst:
            inside.next = False
            for s in range(streams):
                opened[s].next = False
        elif valid and ready:
            inside.next = not last
            ending.next = final
            opened[stream].next = not (last and final)

    return end, tell, users, keep


@made_once
def idle_sequences_leaf(streams: int) -> Leaf:
    """Ports: see `idle_sequences`."""
    given = bits("clk", "rst", "valid", "ready", "last", "closes")
    return Leaf(
        "idle_sequences",
        idle_sequences,
        ins(**given, stream=Word(bits_for(streams))) | outs(**bits("running", "ended")),
        {"streams": streams},
    )
