"""Rounding and saturation: the one primitive of the hardware.

    target = saturate((source + half) >> shift)        rounded half up; a negative shift goes left

Parameters
    count: words of the array. source_word, target_word: bits. shift: fraction bits dropped.
Ports
    clk; source: array(count, source_word); target: array(count, target_word).
Latency LATENCY cycles, one array a cycle; no reset. Overflow saturates to the target's range.
Resources: an adder per word, and a look at its high bits.
"""

from __future__ import annotations

from myhdl import always, block, intbv

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Array, Bit
from ernn_myhdl.rtl import stages

LATENCY = stages.latency(stages.ROUNDING)


@block
def round_saturate(clk, source, target, count, source_word, target_word, shift):
    """See the module.

    Whether the source is out of range is told by its own high bits, beside the adder; those of a
    negative one are inverted, since GHDL 2.0 synthesises -1 as a word of 32 bits. Only a sum
    that rounds up to just above the range must be seen behind the adder, in one bit of it.
    """
    right = max(shift, 0)
    left = max(-shift, 0)
    kept = max(right - 1, 0)  # the half bit becomes the lowest: no literal of more than one bit
    word = source_word + 1 + left
    limit = 1 << (word - 1)
    sign = (
        target_word - 1
    )  # from this bit of the rounded word on, all are equal where it is in range
    highest = (1 << sign) - 1
    lowest = -(1 << sign)
    narrow = word - kept - (right > 0) <= target_word

    total = intbv(0, min=-limit, max=limit)
    high = intbv(0, min=-limit, max=limit)

    @always(clk.posedge)
    def round_right():
        for i in range(count):
            total[:] = source[i]
            high[:] = total >> (right + sign)
            total[:] = total >> kept
            total[:] = total + 1
            total[:] = total >> 1
            if source[i] < 0:
                high[:] = ~high
                if high != 0:
                    target[i].next = lowest
                else:
                    target[i].next = total
            elif high != 0 or total[sign]:
                target[i].next = highest
            else:
                target[i].next = total

    @always(clk.posedge)
    def shift_left():
        for i in range(count):
            total[:] = source[i]
            total[:] = total << left
            high[:] = total >> sign
            if source[i] < 0:
                high[:] = ~high
            if high != 0:
                if source[i] < 0:
                    target[i].next = lowest
                else:
                    target[i].next = highest
            else:
                target[i].next = total

    @always(clk.posedge)
    def round_narrow():
        for i in range(count):
            total[:] = source[i]
            total[:] = total >> kept
            total[:] = total + 1
            target[i].next = total >> 1

    @always(clk.posedge)
    def shift_narrow():
        for i in range(count):
            total[:] = source[i]
            target[i].next = total << left

    if right:
        return round_narrow if narrow else round_right
    return shift_narrow if narrow else shift_left


@made_once
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
