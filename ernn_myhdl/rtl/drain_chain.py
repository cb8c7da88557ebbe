"""A register of a drain chain: what the accumulators of one to three lanes hold at the end of a row, one lane after the other, and
then what comes from the register below.

    load  row of lane 0, then of lane 1, then of lane 2, then what the register below shows

Parameters
    count: words of a lane. lanes: of the register, at most LANES.
Ports
    sums_0, sums_1, sums_2: array(count, word), the accumulators of its lanes, in the order of the chain.
    below, drain: array(count, word): the register that follows in the chain, and this one.
    last: the accumulators are complete; shift: the chain moves. Both come one cycle before they act.
    turn: it is the turn of this register's lanes, counted from the one of lane 0; of the first register of a chain it is `last`.
    turn_below: the same for the register below, which shows lane 0 until then. Of one lane it is `turn` itself.

A register takes lane 0 from the accumulators at the end of the row, and those of the others are held beside it, since the lanes go on.
It keeps lane 0 until that is asked for by the register above, which shows its own lanes before: so the chain shows all lanes in
their order, one a cycle, although only every third of them is in it. A choice of four words is one LUT of six inputs a bit, as is
one of two. Latency LATENCY, from complete accumulators to the head of the chain. No reset: of a pass that is not wanted any more
nothing is left, since `last` ends every turn that is under way.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Array, Bit, array, bits_for, unsigned
from ernn_myhdl.rtl import stages

LATENCY = stages.latency(stages.DRAIN)
#: Most lanes of a register: with what comes from below, as many words as one LUT chooses from.
LANES = 3


@block
def drain_chain(
    clk, last, shift, turn, below, drain, sums_0, count, lanes, sums_1=None, sums_2=None,
    turn_below=None,
):  # fmt: skip
    """See the module."""
    word = len(drain[0])
    held_1, held_2 = array(count, word), array(count, word)
    loading, moving, passing = (Signal(bool(0)) for _ in range(3))
    # turns[i]: lane i is shown from this cycle on, of the first register
    turns = [Signal(bool(0)) for _ in range(lanes)]
    behind = lanes - 1
    # number of the lane that is taken next; beyond, it is what comes from below
    choice = unsigned(bits_for(lanes + 1))

    @always(clk.posedge)
    def control():
        loading.next = last
        turns[0].next = turn
        for i in range(behind):
            turns[i + 1].next = turns[i] and not last
        passing.next = (passing or turns[behind]) and not last
        moving.next = last or ((passing or turns[behind]) and shift)
        choice.next = lanes
        for i in range(behind):
            if turns[i]:
                moving.next = True
                choice.next = i + 1
        if last:
            choice.next = 0

    @always(clk.posedge)
    def move_one():
        if moving:
            for i in range(count):
                drain[i].next = below[i]
            if choice == 0:
                for i in range(count):
                    drain[i].next = sums_0[i]

    @always(clk.posedge)
    def move_two():
        if loading:
            for i in range(count):
                held_1[i].next = sums_1[i]
        if moving:
            for i in range(count):
                drain[i].next = below[i]
            if choice == 0:
                for i in range(count):
                    drain[i].next = sums_0[i]
            if choice == 1:
                for i in range(count):
                    drain[i].next = held_1[i]

    @always(clk.posedge)
    def move_three():
        if loading:
            for i in range(count):
                held_1[i].next = sums_1[i]
                held_2[i].next = sums_2[i]
        if moving:
            for i in range(count):
                drain[i].next = below[i]
            if choice == 0:
                for i in range(count):
                    drain[i].next = sums_0[i]
            if choice == 1:
                for i in range(count):
                    drain[i].next = held_1[i]
            if choice == 2:
                for i in range(count):
                    drain[i].next = held_2[i]

    @always_comb
    def follow():
        turn_below.next = turns[lanes - 2] and not last

    if lanes == 1:
        return control, move_one
    return control, follow, (move_two if lanes == 2 else move_three)


@made_once
def chain_leaf(count: int, word: int, lanes: int) -> Leaf:
    """The register of so many lanes."""
    sums = Array(count, word)
    ports = ins(clk=Bit(), last=Bit(), shift=Bit(), turn=Bit(), below=sums)
    ports |= ins(**{f"sums_{i}": sums for i in range(lanes)}) | outs(drain=sums)
    if lanes > 1:
        ports |= outs(turn_below=Bit())
    return Leaf(f"drain_chain_{lanes}", drain_chain, ports, {"count": count, "lanes": lanes})


def shares(positions: int) -> list[int]:
    """Lanes of each register of a chain of so many lanes, as equal as they can be."""
    registers = -(-positions // LANES)
    least, more = divmod(positions, registers)
    return [least + 1] * more + [least] * (registers - more)
