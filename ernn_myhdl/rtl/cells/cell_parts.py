"""Blocks of cells for an element-wise unit that takes a part of one in a cycle, and its results as blocks again.

With E = 1 / n the unit has k / n cells, and a block takes n cycles: it is loaded into registers that move up by a part a
cycle, and so are the parts of the results, of which the last one needs no register. Blocks must be n cycles apart or more
(`Hardware.cycles_between_blocks`).

block_parts   target: the parts of source, the first one a cycle after load
part_places   the place in the parameter memory of the part that follows, its block's tag, and whether there is one

Latency: `latency` cycles more than a unit of whole blocks, from a block to its results. No reset of data.
Resources: a register and a choice of two for each bit of a block, a register for each bit of the results.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, intbv

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, array, bits_for, unsigned
from ernn_myhdl.rtl import stages
from ernn_myhdl.rtl.delay import carried

#: From a block to its first part.
PARTS_LATENCY = stages.latency(stages.PARTS)


def latency(cycles: int) -> int:
    """Cycles by which the results of a block are later because the unit takes so many cycles for it."""
    return 0 if cycles == 1 else PARTS_LATENCY + cycles - 1


@block
def block_parts(clk, load, source, target, count, size):
    """See the module: `count` words, `size` of them in a part."""
    rest = array(count - size, len(source[0]))
    moved = count - 2 * size

    @always(clk.posedge)
    def move():
        if load:
            for i in range(size):
                target[i].next = source[i]
            for i in range(count - size):
                rest[i].next = source[size + i]
        else:
            for i in range(size):
                target[i].next = rest[i]
            for i in range(moved):
                rest[i].next = rest[size + i]

    return move


@block
def part_places(clk, rst, valid, index, tag, active, place, held, cycles):
    """See the module: valid, index, tag: of a block; active: its parts follow, `cycles` of them; held: its tag."""
    part = unsigned(bits_for(cycles))
    running = Signal(bool(0))
    current = unsigned(len(place))
    first = intbv(0)[len(place) :]
    shift, last = cycles.bit_length() - 1, cycles - 1

    @always_comb
    def tell():
        active.next = running
        place.next = current

    @always(clk.posedge)
    def follow():
        if rst:
            running.next = False
            part.next = 0
            current.next = 0
        elif valid:
            running.next = True
            part.next = 0
            first[:] = index
            first[:] = first << shift
            current.next = first
        elif running:
            if part == last:
                running.next = False
            else:
                part.next = part + 1
                current.next = current + 1

    @always(clk.posedge)
    def hold():
        if valid:
            held.next = tag

    return tell, follow, hold


@made_once
def parts_leaf(count: int, word: int, cycles: int) -> Leaf:
    """`block_parts` of a block of `count` words in so many parts."""
    size = count // cycles
    return Leaf(
        f"block_parts_{count}x{word}_in_{cycles}",
        block_parts,
        ins(clk=Bit(), load=Bit(), source=Array(count, word)) | outs(target=Array(size, word)),
        {"count": count, "size": size},
    )


@made_once
def places_leaf(groups: int, tag_bits: int, cycles: int) -> Leaf:
    """`part_places` of so many blocks in `cycles` parts each."""
    tag = Word(tag_bits)
    return Leaf(
        "part_places",
        part_places,
        ins(clk=Bit(), rst=Bit(), valid=Bit(), index=Word(bits_for(groups)), tag=tag)
        | outs(active=Bit(), place=Word(bits_for(groups * cycles)), held=tag),
        {"cycles": cycles},
    )


def parts(n: Netlist, label: str, load: Net, source: Net, cycles: int) -> Net:
    """The parts of the blocks `source`; PARTS_LATENCY."""
    leaf = parts_leaf(source.type.count, source.type.width, cycles)
    return n.add(f"{label}_parts", leaf, clk=n.nets["clk"], load=load, source=source)["target"]


def whole(n: Netlist, label: str, part: Net, cycles: int) -> Net:
    """The block whose last part is there."""
    found = [part]
    for i in range(cycles - 1):
        found.append(carried(n, f"{label}_part_{i}", found[-1], 1))
    kind = Array(part.type.count * cycles, part.type.width)
    return n.bundle(f"{label}_of_parts", kind, *reversed(found))
