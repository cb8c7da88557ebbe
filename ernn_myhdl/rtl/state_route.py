"""The way of the frames of s_state to the layers of a network that tdest names."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for


@block
def state_route(clk, rst, valid, layer, readies, valids, ready, error, layers, known):
    """Beats of s_state to the layer that tdest names; those to a layer without a state are dropped."""
    wrong = Signal(bool(0))
    lost = Signal(bool(0))

    @always_comb
    def choose():
        valids.next = 0
        ready.next = not rst
        lost.next = valid and not rst
        for i in range(layers):
            if layer == i and (known // 2**i) % 2 == 1:
                valids.next[i] = valid
                ready.next = readies[i]
                lost.next = False

    @always(clk.posedge)
    def note():
        if rst:
            wrong.next = False
        elif lost:
            wrong.next = True

    @always_comb
    def tell():
        error.next = wrong

    return instances()


def route_leaf(layers: list[bool]) -> Leaf:
    """The way to the layers, of which those that are True have a state."""
    count = len(layers)
    return Leaf(
        "state_route",
        state_route,
        ins(clk=Bit(), rst=Bit(), valid=Bit(), layer=Word(bits_for(count)), readies=Word(count))
        | outs(valids=Word(count), ready=Bit(), error=Bit()),
        {"layers": count, "known": sum(has << i for i, has in enumerate(layers))},
    )
