"""One sample of the beats that a join over time takes, with its memory: a word for each beat of a frame and each stream.

A beat that enters reads its word, and the result of both is written and given a cycle later; so the next beat may be of the same
place.
"""

from __future__ import annotations

from myhdl import always, always_comb, block, intbv

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Array, Bit, Word, signed


@block
def keep_largest(clk, take, fresh, place, sample, result, depth):
    """result: the larger of the sample and what is kept; the sample if `fresh`. It is kept."""
    store = [signed(len(result[0])) for _ in range(depth)]
    before, chosen = signed(len(result[0])), signed(len(result[0]))

    @always_comb
    def read():
        before.next = store[place]

    @always_comb
    def choose():
        chosen.next = sample[0]
        if not fresh and before > sample[0]:
            chosen.next = before

    @always(clk.posedge)
    def keep():
        if take:
            store[place].next = chosen
            result[0].next = chosen

    return read, choose, keep


@block
def keep_sum(clk, take, fresh, place, sample, result, depth):
    """result: the sum of the sample and what is kept; the sample if `fresh`. It is kept."""
    store = [signed(len(result[0])) for _ in range(depth)]
    # a variable: the sum is in range when a beat enters, and perhaps at no other time
    total = intbv(0, min=-(1 << (len(result[0]) - 1)), max=1 << (len(result[0]) - 1))

    @always(clk.posedge)
    def keep():
        if take:
            total[:] = sample[0]
            if not fresh:
                total[:] = total + store[place]
            store[place].next = total
            result[0].next = total

    return keep


@block
def keep_sample(clk, take, fresh, place, sample, result, depth):
    """result: the sample if `fresh`, which is kept; otherwise what is kept."""
    store = [signed(len(result[0])) for _ in range(depth)]
    chosen = signed(len(result[0]))

    @always_comb
    def choose():
        chosen.next = store[place]
        if fresh:
            chosen.next = sample[0]

    @always(clk.posedge)
    def keep():
        if take:
            store[place].next = chosen
            result[0].next = chosen

    return choose, keep


@block
def multiply_constant(clk, source, target, count, constant):
    """target is source times the constant, a cycle later; exact."""
    # a signed variable: VHDL would take a literal for a word of the source's length, Verilog an unsigned one makes both unsigned
    limit = 1 << constant.bit_length()
    factor = intbv(0, min=-limit, max=limit)
    product = intbv(0, min=-(1 << (len(target[0]) - 1)), max=1 << (len(target[0]) - 1))

    @always(clk.posedge)
    def multiply():
        factor[:] = constant
        for i in range(count):
            product[:] = source[i] * factor
            target[i].next = product

    return multiply


#: Blocks that keep a word for each place, by what they compute.
KEEPING = {"maximum": keep_largest, "sum": keep_sum, "repeat": keep_sample}


@made_once
def sample_leaf(kind: str, name: str, source: int, word: int, place: Word, depth: int) -> Leaf:
    """One sample of a beat. kind: of `KEEPING`; source, word: bits of the sample and of the result; depth: words of the memory."""
    return Leaf(
        name,
        KEEPING[kind],
        ins(clk=Bit(), take=Bit(), fresh=Bit(), place=place, sample=Array(1, source))
        | outs(result=Array(1, word)),
        {"depth": depth},
    )


@made_once
def multiply_leaf(name: str, count: int, source: int, target: int, constant: int) -> Leaf:
    """`count` words of `source` bits times a constant, in `target` bits."""
    return Leaf(
        name,
        multiply_constant,
        ins(clk=Bit(), source=Array(count, source)) | outs(target=Array(count, target)),
        {"count": count, "constant": constant},
    )
