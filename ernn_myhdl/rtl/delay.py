"""Delays: registers that keep data and tags together.

`delay_bit` and `delay_word` are cleared by the synchronous reset and carry valid bits and tags;
`delay_data` has no reset and carries data, an array as one word: a Signal a cycle of delay, not one for
each element, simulates several times faster. Latency `cycles` (at least 1), one value a cycle.
"""

from __future__ import annotations

from myhdl import Signal, always, block

from ernn_myhdl.hdl.netlist import Leaf, Net, Netlist, ins, made_once, outs
from ernn_myhdl.hdl.types import Array, Bit, Word, unsigned


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
def delay_data(clk, source, target, cycles):
    """target is source, `cycles` cycles later."""
    line = [unsigned(len(source)) for _ in range(max(cycles - 1, 1))]
    last = cycles - 2

    @always(clk.posedge)
    def one():
        target.next = source

    @always(clk.posedge)
    def more():
        line[0].next = source
        for i in range(last):
            line[i + 1].next = line[i]
        target.next = line[last]

    return one if cycles == 1 else more


@made_once
def bit_leaf(cycles: int) -> Leaf:
    """A bit delayed by `cycles`."""
    ports = ins(clk=Bit(), rst=Bit(), source=Bit()) | outs(target=Bit())
    return Leaf(f"delay_bit_{cycles}", delay_bit, ports, {"cycles": cycles})


@made_once
def word_leaf(width: int, cycles: int) -> Leaf:
    """An unsigned word delayed by `cycles`."""
    ports = ins(clk=Bit(), rst=Bit(), source=Word(width)) | outs(target=Word(width))
    return Leaf(f"delay_word_{width}_{cycles}", delay_word, ports, {"cycles": cycles})


@made_once
def data_leaf(width: int, cycles: int) -> Leaf:
    """Data of `width` bits delayed by `cycles`."""
    word = Word(width)
    return Leaf(
        f"delay_data_{width}_{cycles}",
        delay_data,
        ins(clk=Bit(), source=word) | outs(target=word),
        {"cycles": cycles},
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
        word = netlist.bundle(f"{label}_source", Word(kind.bits), source)
        late = netlist.add(label, data_leaf(kind.bits, cycles), clk=clk, source=word)["target"]
        return netlist.bundle(f"{label}_elements", kind, late)
    component = bit_leaf(cycles) if isinstance(kind, Bit) else word_leaf(kind.width, cycles)
    return netlist.add(label, component, clk=clk, rst=rst, source=source)["target"]
