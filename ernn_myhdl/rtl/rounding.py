"""Rounding and saturation: the one primitive of the hardware.

    target = saturate((source + half) >> shift)        rounded half up; a negative shift goes left

Parameters
    count: words of the array. source_word, target_word: bits. shift: fraction bits dropped.
Ports
    clk; source: array(count, source_word); target: array(count, target_word).
Latency 2 cycles, one array a cycle; no reset. Overflow saturates to the target's range.
Resources: an adder and two comparisons per word.
"""

from __future__ import annotations

from myhdl import always, block, intbv

from ernn_myhdl.netlist import Leaf, ins, outs
from ernn_myhdl.rtl.signals import Array, Bit, array

LATENCY = 2


@block
def round_saturate(clk, source, target, count, source_word, target_word, shift):
    """See the module."""
    right = max(shift, 0)
    left = max(-shift, 0)
    kept = max(right - 1, 0)  # the half bit becomes the lowest: no literal of more than one bit
    word = source_word + 1 + left
    limit = 1 << (word - 1)
    highest = (1 << (target_word - 1)) - 1
    lowest = -(1 << (target_word - 1))
    narrow = word - kept - (right > 0) <= target_word
    shifted = array(count, word)

    @always(clk.posedge)
    def add_half():
        total = intbv(0, min=-limit, max=limit)
        for i in range(count):
            total[:] = source[i]
            total[:] = total >> kept
            total[:] = total + 1
            shifted[i].next = total >> 1

    @always(clk.posedge)
    def shift_left():
        total = intbv(0, min=-limit, max=limit)
        for i in range(count):
            total[:] = source[i]
            shifted[i].next = total << left

    @always(clk.posedge)
    def clip():
        for i in range(count):
            if shifted[i] > highest:
                target[i].next = highest
            elif shifted[i] < lowest:
                target[i].next = lowest
            else:
                target[i].next = shifted[i]

    @always(clk.posedge)
    def copy():
        for i in range(count):
            target[i].next = shifted[i]

    first = add_half if right else shift_left
    second = copy if narrow else clip
    return first, second


def leaf(count: int, source_word: int, target_word: int, shift: int) -> Leaf:
    """The component for these parameters."""
    sign = "m" if shift < 0 else ""
    return Leaf(
        f"round_{count}x{source_word}_to_{target_word}_shift_{sign}{abs(shift)}",
        round_saturate,
        ins(clk=Bit(), source=Array(count, source_word)) | outs(target=Array(count, target_word)),
        {
            "count": count,
            "source_word": source_word,
            "target_word": target_word,
            "shift": shift,
        },
    )
