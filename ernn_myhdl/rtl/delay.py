"""Delays: registers that keep data and tags together.

`delay_bit` is cleared by the synchronous reset and carries bits that say that something is there. `delay_data` has
no reset, so that synthesis may make a shift register of it, and carries what means something beside such a bit only: data, tags,
addresses. An array is one word: a Signal a cycle of delay, not one for each element, simulates several times faster. Latency `cycles` (at least 1), one value a cycle.
"""

from __future__ import annotations

from myhdl import Signal, always, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Bit, Word, unsigned

#: Cycles of the longest delay of a bit; a longer one is made of several.
LONGEST_BIT = 8


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
    """`source` delayed by `cycles` within `netlist`, which has the nets clk and rst; a bit is cleared by a reset."""
    if cycles > 0 and isinstance(source.type, Bit):
        nets, parts = netlist.nets, bit_parts(cycles)
        for i, part in enumerate(parts):
            name = label if i == len(parts) - 1 else f"{label}_{i}"
            made = netlist.add(
                name, bit_leaf(part), clk=nets["clk"], rst=nets["rst"], source=source
            )
            source = made["target"]
        return source
    return carried(netlist, label, source, cycles)


def bit_parts(cycles: int) -> list[int]:
    """Cycles of delays one behind the other that are `cycles` together: few different ones, so that few blocks are enough."""
    whole, rest = divmod(cycles, LONGEST_BIT)
    return [LONGEST_BIT] * whole + [n for n in (4, 2, 1) if rest & n]


def carried(netlist: Netlist, label: str, source: Net, cycles: int) -> Net:
    """As `delayed`, but no bit is cleared: of data beside a bit that is."""
    if cycles < 0:
        raise ValueError(f"{label}: {cycles} cycles")
    if cycles == 0:
        return source
    kind, leaf = source.type, data_leaf(source.type.bits, cycles)
    word = source
    if not isinstance(kind, Word):
        word = netlist.bundle(f"{label}_source", Word(kind.bits), source)
    late = netlist.add(label, leaf, clk=netlist.nets["clk"], source=word)["target"]
    return late if isinstance(kind, Word) else netlist.bundle(f"{label}_elements", kind, late)
