"""Delays: registers that keep data and tags together.

`delay_bit` and `delay_word` are cleared by the synchronous reset and carry valid bits and tags;
`delay_array` has no reset and carries data. Latency `cycles` (at least 1), one value a cycle.
"""

from __future__ import annotations

from myhdl import Signal, always, block

from ernn_myhdl.netlist import Leaf, Net, Netlist, ins, outs
from ernn_myhdl.rtl.signals import Array, Bit, Word, array, unsigned


@block
def delay_bit(clk, rst, source, target, cycles):
    """target is source, `cycles` cycles later; zero after reset."""
    line = [Signal(bool(0)) for _ in range(max(cycles - 1, 1))]
    last = cycles - 2

    @always(clk.posedge)
    def one():
        if rst:
            target.next = False
        else:
            target.next = source

    @always(clk.posedge)
    def more():
        if rst:
            for i in range(last + 1):
                line[i].next = False
            target.next = False
        else:
            line[0].next = source
            for i in range(last):
                line[i + 1].next = line[i]
            target.next = line[last]

    return one if cycles == 1 else more


@block
def delay_word(clk, rst, source, target, cycles):
    """target is source, `cycles` cycles later; zero after reset."""
    line = [unsigned(len(source)) for _ in range(max(cycles - 1, 1))]
    last = cycles - 2

    @always(clk.posedge)
    def one():
        if rst:
            target.next = 0
        else:
            target.next = source

    @always(clk.posedge)
    def more():
        if rst:
            for i in range(last + 1):
                line[i].next = 0
            target.next = 0
        else:
            line[0].next = source
            for i in range(last):
                line[i + 1].next = line[i]
            target.next = line[last]

    return one if cycles == 1 else more


@block
def delay_array(clk, source, target, count, width, cycles):
    """target is source, `cycles` cycles later."""
    held = count * max(cycles - 1, 1)
    line = array(held, width)

    @always(clk.posedge)
    def one():
        for i in range(count):
            target[i].next = source[i]

    @always(clk.posedge)
    def more():
        for i in range(count):
            line[i].next = source[i]
            target[i].next = line[held - count + i]
        for j in range(held - count):
            line[j + count].next = line[j]

    return one if cycles == 1 else more


def bit_leaf(cycles: int) -> Leaf:
    """A bit delayed by `cycles`."""
    ports = ins(clk=Bit(), rst=Bit(), source=Bit()) | outs(target=Bit())
    return Leaf(f"delay_bit_{cycles}", delay_bit, ports, {"cycles": cycles})


def word_leaf(width: int, cycles: int) -> Leaf:
    """An unsigned word delayed by `cycles`."""
    ports = ins(clk=Bit(), rst=Bit(), source=Word(width)) | outs(target=Word(width))
    return Leaf(f"delay_word_{width}_{cycles}", delay_word, ports, {"cycles": cycles})


def array_leaf(count: int, width: int, cycles: int) -> Leaf:
    """An array delayed by `cycles`."""
    kind = Array(count, width)
    return Leaf(
        f"delay_array_{count}x{width}_{cycles}",
        delay_array,
        ins(clk=Bit(), source=kind) | outs(target=kind),
        {"count": count, "width": width, "cycles": cycles},
    )


def delayed(netlist: Netlist, label: str, source: Net, cycles: int) -> Net:
    """`source` delayed by `cycles` within `netlist`, which has the nets clk and rst."""
    if cycles < 0:
        raise ValueError(f"{label}: {cycles} cycles")
    if cycles == 0:
        return source
    clk, rst = netlist.nets["clk"], netlist.nets["rst"]
    kind = source.type
    if isinstance(kind, Array):
        component = array_leaf(kind.count, kind.width, cycles)
        return netlist.add(label, component, clk=clk, source=source)["target"]
    component = bit_leaf(cycles) if isinstance(kind, Bit) else word_leaf(kind.width, cycles)
    return netlist.add(label, component, clk=clk, rst=rst, source=source)["target"]
