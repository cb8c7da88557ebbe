"""Piecewise linear sigmoid and tanh of an array; the table is that of `ernn_myhdl.pwl`.

    target = saturate((base[n] << base_shift) + slope[n] * d, rounded half up by `shift` bits)

with n the segment and d the offset of the clamped source in it.
Ports: clk; source: array(count, input word); target: array(count, output word).
Latency LATENCY cycles (clamp; split; table; product; sum; round and saturate), one array a cycle; no reset.
Resources: one multiplier of offset bits x slope bits and one table in LUTs per element.
"""

from __future__ import annotations

from myhdl import always, block, intbv

from ernn_myhdl.netlist import Leaf, ins, outs
from ernn_myhdl.pwl import PwlTable
from ernn_myhdl.rtl.signals import Array, Bit, array
from ernn_myhdl.transform import width_for

LATENCY = 6


@block
def piecewise_linear(clk, source, target, count, table):
    """See the module."""
    clamp, offset_bits = table.clamp, table.offset_bits
    highest_code, lowest_code = clamp - 1, -clamp
    segment_bits = max((table.segments - 1).bit_length(), 1)
    code_bits = segment_bits + offset_bits
    code_limit, offset_mask = 1 << (code_bits + 1), (1 << offset_bits) - 1
    bases, slopes = table.base, table.slope
    base_word = width_for(max(abs(b) for b in bases))
    slope_word = width_for(max(max(abs(s) for s in slopes), 1))
    base_shift, shift = table.base_shift, table.shift
    product_word = slope_word + offset_bits + 1
    exact_word = max(base_word + base_shift, product_word) + 2
    limit = 1 << (exact_word - 1)
    half = (1 << shift) >> 1
    highest, lowest = table.output.maximum, table.output.minimum

    clipped = array(count, code_bits)
    segment, offset_1 = array(count, segment_bits + 1), array(count, offset_bits + 1)
    offset_2 = array(count, offset_bits + 1)
    base_2, slope_2 = array(count, base_word), array(count, slope_word)
    base_3, product = array(count, base_word), array(count, product_word)
    exact = array(count, exact_word)

    @always(clk.posedge)
    def clamp_source():
        for i in range(count):
            if source[i] > highest_code:
                clipped[i].next = highest_code
            elif source[i] < lowest_code:
                clipped[i].next = lowest_code
            else:
                clipped[i].next = source[i]

    @always(clk.posedge)
    def split():
        code = intbv(0, min=-code_limit, max=code_limit)
        for i in range(count):
            code[:] = clipped[i]
            code[:] = code + clamp
            segment[i].next = code >> offset_bits
            offset_1[i].next = code & offset_mask

    @always(clk.posedge)
    def look_up():
        for i in range(count):
            base_2[i].next = bases[segment[i]]
            slope_2[i].next = slopes[segment[i]]
            offset_2[i].next = offset_1[i]

    @always(clk.posedge)
    def multiply():
        for i in range(count):
            product[i].next = slope_2[i] * offset_2[i]
            base_3[i].next = base_2[i]

    @always(clk.posedge)
    def add():
        total = intbv(0, min=-limit, max=limit)
        for i in range(count):
            total[:] = base_3[i]
            total[:] = total << base_shift
            total[:] = total + product[i]
            exact[i].next = total + half

    @always(clk.posedge)
    def clip():
        total = intbv(0, min=-limit, max=limit)
        for i in range(count):
            total[:] = exact[i] >> shift
            if total > highest:
                target[i].next = highest
            elif total < lowest:
                target[i].next = lowest
            else:
                target[i].next = total

    return clamp_source, split, look_up, multiply, add, clip


def leaf(name: str, count: int, table: PwlTable) -> Leaf:
    """`count` elements of one function."""
    return Leaf(
        name,
        piecewise_linear,
        ins(clk=Bit(), source=Array(count, table.input.word))
        | outs(target=Array(count, table.output.word)),
        {"count": count, "table": table},
    )
