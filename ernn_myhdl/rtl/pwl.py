"""Piecewise linear sigmoid and tanh of an array; the table is that of `ernn_myhdl.numerics.pwl`.

    target = saturate((base[n] << base_shift) + slope[n] * d, rounded half up by `shift` bits)

with n the segment and d the offset of the clamped source in it.
The product is made of shifts and additions: two bits of d at a time choose 0, 1, 2 or 3 slopes.
Ports: clk; source: array(count, input word); target: array(count, output word).
The sum is limited only where a line leaves the range of the target, which is known of each table.
Latency LATENCY cycles (limit; table; partial sums; sum and limit), one array a cycle; no reset.
Resources: per element one table and half as many adders as d has bits, all in LUTs.
"""

from __future__ import annotations

from myhdl import always, block, intbv

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Array, Bit, array, unsigned
from ernn_myhdl.numerics.pwl import PwlTable
from ernn_myhdl.numerics.transform import width_for
from ernn_myhdl.rtl import stages

LATENCY = stages.latency(stages.FUNCTION)


@block
def partial_sums(clk, slope, triple, offset, low, high, count, digits):
    """low and high: slope * (the lower, and the upper half of the digits of offset, of two bits each)."""
    limit = 1 << (len(low[0]) - 1)
    half = digits // 2
    rest_bits = max(len(offset[0]), 2)  # of a segment of two codes, too, a digit is cut

    term = intbv(0, min=-limit, max=limit)
    lower = intbv(0, min=-limit, max=limit)
    upper = intbv(0, min=-limit, max=limit)

    @always(clk.posedge)
    def add_digits():
        rest = intbv(0)[rest_bits:]
        digit = intbv(0)[2:]
        for i in range(count):
            lower[:] = 0
            upper[:] = 0
            for j in range(digits):
                rest[:] = offset[i] >> (2 * j)
                digit[:] = rest[2:]
                # one after the other: of an if/elif MyHDL makes a case, whose `others` GHDL 2.0
                # leaves out of the Verilog that it synthesises
                term[:] = 0
                if digit == 1:
                    term[:] = slope[i]
                if digit == 2:
                    term[:] = slope[i]
                    term[:] = term << 1
                if digit == 3:
                    term[:] = triple[i]
                term[:] = term << (2 * j)
                if j < half:
                    lower[:] = lower + term
                else:
                    upper[:] = upper + term
            low[i].next = lower
            high[i].next = upper

    return add_digits


@block
def piecewise_linear(clk, source, target, count, table):
    """See the module."""
    clamp, offset_bits = table.clamp, table.offset_bits
    base_shift, shift = table.base_shift, table.shift
    digits = -(-offset_bits // 2)
    clamp_bits = clamp.bit_length() - 1  # clamp is a power of two
    source_limit = 1 << (table.input.word - 1)
    code_mask = 2 * clamp - 1
    code_bits = clamp_bits + 1
    # half an LSB of the target, in the unit of base
    half = (1 << shift >> 1) >> base_shift
    bases = tuple(b + half for b in table.base)
    slopes, triples = table.slope, tuple(3 * s for s in table.slope)
    base_word = width_for(max(abs(b) for b in bases))
    slope_word = width_for(max(max(abs(s) for s in slopes), 1))
    exact_word = width_for(
        max(
            (abs(b) << base_shift) + (abs(s) << offset_bits)
            for b, s in zip(bases, slopes, strict=True)
        )
    )
    limit = 1 << (exact_word - 1)
    sign = table.output.word - 1
    # the ends of each line, in LSBs of the target
    reached = [
        ((b << base_shift) + s * d) >> shift
        for b, s in zip(bases, slopes, strict=True)
        for d in (0, (1 << offset_bits) - 1)
    ]
    highest, lowest = table.output.maximum, table.output.minimum

    code = [unsigned(code_bits) for _ in range(count)]  # source + clamp, limited
    base_1, base_2 = array(count, base_word), array(count, base_word)
    slope, triple = array(count, slope_word), array(count, slope_word + 2)
    offset = [unsigned(offset_bits) for _ in range(count)]
    low, high = array(count, exact_word), array(count, exact_word)

    beyond = intbv(0, min=-source_limit, max=source_limit)

    @always(clk.posedge)
    def limit_source():
        near = intbv(0)[code_bits:]
        for i in range(count):
            beyond[:] = source[i] >> clamp_bits
            if source[i] < 0:
                beyond[:] = ~beyond
            if beyond != 0:
                if source[i] < 0:
                    code[i].next = 0
                else:
                    code[i].next = code_mask
            else:
                near[:] = source[i][code_bits:]
                near[clamp_bits] = not near[clamp_bits]  # plus clamp
                code[i].next = near

    @always(clk.posedge)
    def look_up():
        segment = intbv(0)[code_bits:]
        for i in range(count):
            segment[:] = code[i] >> offset_bits
            offset[i].next = code[i][offset_bits:]
            base_1[i].next = bases[segment]
            slope[i].next = slopes[segment]
            triple[i].next = triples[segment]

    @always(clk.posedge)
    def hold_base():
        for i in range(count):
            base_2[i].next = base_1[i]

    total = intbv(0, min=-limit, max=limit)
    beyond = intbv(0, min=-limit, max=limit)

    @always(clk.posedge)
    def add():
        for i in range(count):
            total[:] = base_2[i]
            total[:] = total << base_shift
            total[:] = total + low[i]
            total[:] = total + high[i]
            total[:] = total >> shift
            beyond[:] = total >> sign
            if total < 0:
                beyond[:] = ~beyond
            if beyond != 0:
                if total < 0:
                    target[i].next = lowest
                else:
                    target[i].next = highest
            else:
                target[i].next = total

    @always(clk.posedge)
    def add_within():
        for i in range(count):
            total[:] = base_2[i]
            total[:] = total << base_shift
            total[:] = total + low[i]
            total[:] = total + high[i]
            target[i].next = total >> shift

    within = lowest <= min(reached) and max(reached) <= highest
    sums = partial_sums(clk, slope, triple, offset, low, high, count, digits)
    return limit_source, look_up, sums, hold_base, (add_within if within else add)


def leaf(name: str, count: int, table: PwlTable) -> Leaf:
    """`count` elements of one function."""
    return Leaf(
        name,
        piecewise_linear,
        ins(clk=Bit(), source=Array(count, table.input.word))
        | outs(target=Array(count, table.output.word)),
        {"count": count, "table": table},
    )
