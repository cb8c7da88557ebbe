"""The drain: from the lanes' accumulators to rounded block rows.

After a pass, U lanes a cycle appear at the head of the drain chain. `combine` makes the complex
spectrum of each from the three sums; `join` adds the spectra of lanes that worked on different columns
of one row (second phase only: the levels of an adder tree that the gate rows pass unchanged); then the
block spectrum is rounded, transformed back by one of U inverse transforms, and rounded to the
pre-activation's or the output's format.

`drain_control` follows the pass through the drain with a tag. In a split cell the rows of x come first, and
`parts` adds them, as signals, to those of the following pass: PARTS_LATENCY more.
Latency: COMBINE_LATENCY + log2(G) + rounding + inverse transform + rounding, U block rows a cycle.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances, intbv

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.numerics.transform import spectral_products
from ernn_myhdl.rtl import stages

COMBINE_LATENCY = stages.latency(stages.COMBINE)
JOIN_LATENCY = stages.latency(stages.JOIN)
MASK_LATENCY = stages.latency(stages.MASK)


@block
def combine(clk, sums, spectrum, points):
    """spectrum: packed complex words from the sums K1, K2, K3 of every bin."""
    bins = max(points // 2, 1)
    reals = min(points, 2)

    @always(clk.posedge)
    def subtract():
        for i in range(reals):
            spectrum[i].next = sums[i]
        for j in range(1, bins):
            spectrum[2 * j].next = sums[3 * j - 1] - sums[3 * j]
            spectrum[2 * j + 1].next = sums[3 * j - 1] + sums[3 * j + 1]

    return subtract


@block
def join(clk, enable, low, high, low_out, high_out, count):
    """low_out = low + high where enabled, else low; high_out = high; one cycle later.

    enable comes a cycle before low and high: its register in each node bounds the fan-out.
    """
    limit = 1 << (len(low[0]) - 1)
    enabled = Signal(bool(0))

    @always(clk.posedge)
    def copy():
        enabled.next = enable

    @always(clk.posedge)
    def add():
        other = intbv(0, min=-limit, max=limit)
        for i in range(count):
            other[:] = 0
            if enabled:
                other[:] = high[i]
            low_out[i].next = low[i] + other
            high_out[i].next = high[i]

    return copy, add


@block
def drain_control(clk, rst, loaded, shifting, pass_second, pass_tag, gate_valid, output_valid, tag):
    """Tags of the chunk at the head of the drain chain.

    loaded: the chain holds a new pass in this cycle, whose tags are pass_second, pass_tag.
    shifting: the chain moves up at the end of this cycle, so that it shows another chunk in the next.
    gate_valid, output_valid: the head holds rows of the first, or of the second phase. tag: of the pass's frame.
    """
    moved = Signal(bool(0))
    second = Signal(bool(0))
    held = unsigned(len(tag))

    @always(clk.posedge)
    def remember():
        if rst:
            moved.next = False
            second.next = False
            held.next = 0
        else:
            moved.next = shifting
            if loaded:
                second.next = pass_second
                held.next = pass_tag

    @always_comb
    def tell():
        if loaded:
            gate_valid.next = not pass_second
            output_valid.next = pass_second
            tag.next = pass_tag
        else:
            gate_valid.next = moved and (not second)
            output_valid.next = moved and second
            tag.next = held

    return instances()


@block
def mask_rows(clk, rst, valid, rows, masked, count, groups, kept):
    """The last group of y keeps its first `kept` elements; the rest of it becomes zero."""
    group = unsigned(bits_for(groups))
    last = groups - 1

    @always(clk.posedge)
    def position():
        if rst:
            group.next = 0
        elif valid:
            if group == last:
                group.next = 0
            else:
                group.next = group + 1

    @always(clk.posedge)
    def select():
        for i in range(count):
            if group == last and i >= kept:
                masked[i].next = 0
            else:
                masked[i].next = rows[i]

    return instances()


@made_once
def mask_leaf(count: int, word: int, groups: int, outputs: int) -> Leaf:
    """Mask of the elements beyond y's size, which comes in groups of `count`."""
    kind = Array(count, word)
    return Leaf(
        "mask_rows",
        mask_rows,
        ins(clk=Bit(), rst=Bit(), valid=Bit(), rows=kind) | outs(masked=kind),
        {
            "count": count,
            "groups": groups,
            "kept": outputs - (groups - 1) * count,
        },
    )


@made_once
def combine_leaf(points: int, word: int) -> Leaf:
    """Complex words from the lane's sums."""
    return Leaf(
        "combine",
        combine,
        ins(clk=Bit(), sums=Array(spectral_products(points), word))
        | outs(spectrum=Array(points, word)),
        {"points": points},
    )


@made_once
def join_leaf(points: int, word: int) -> Leaf:
    """One adder node of the second phase's column groups."""
    kind = Array(points, word)
    return Leaf(
        "join_spectra",
        join,
        ins(clk=Bit(), enable=Bit(), low=kind, high=kind) | outs(low_out=kind, high_out=kind),
        {"count": points},
    )


@made_once
def control_leaf(tag_bits: int) -> Leaf:
    """Tags at the head of the drain chain."""
    tag = Word(tag_bits)
    return Leaf(
        "drain_control",
        drain_control,
        ins(clk=Bit(), rst=Bit(), loaded=Bit(), shifting=Bit(), pass_second=Bit())
        | ins(pass_tag=tag)
        | outs(gate_valid=Bit(), output_valid=Bit(), tag=tag),
    )
