"""From the loader to the memories: registers on the way, and which memories a word is for.

    loader -> part of a layer -> part of a group of memories -> copy of a cluster of lanes -> memories

A part passes on what is for its own memories, numbered from 0. Each is a register, so that no net drives all the memories of a core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from myhdl import always, block

from ernn_myhdl.design.hardware import Hardware
from ernn_myhdl.hdl.components import Leaf, Rom, Type, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Bit, Word, bits_for
from ernn_myhdl.hdl.writable_memory import LOAD_PORTS, WritableMemory, writable

#: Registers between the loader and the memories, at most: of a layer, a group and a cluster.
MOST_STAGES = 3


@block
def load_part(
    clk, load, memory, address, data, part_load, part_memory, part_address, part_data, first, behind
):
    """Passes on a word that is for memory `first` to memory `behind` - 1, with its number counted from `first`."""

    @always(clk.posedge)
    def choose():
        part_load.next = False
        if memory >= first and memory < behind:
            part_load.next = load
            part_memory.next = memory - first
        part_address.next = address
        part_data.next = data

    return choose


@block
def load_copy(clk, load, memory, address, data, load_q, memory_q, address_q, data_q):
    """A register for all that is written, in front of a cluster of memories."""

    @always(clk.posedge)
    def copy():
        load_q.next = load
        memory_q.next = memory
        address_q.next = address
        data_q.next = data

    return copy


@dataclass(frozen=True)
class LoadBus:
    """Widths of what writes a word: numbers of memories, addresses, words."""

    memory: int
    address: int
    data: int

    @property
    def types(self) -> dict[str, Type]:
        """By the names of a memory's ports."""
        kinds = (Bit(), Word(self.memory), Word(self.address), Word(self.data))
        return dict(zip(LOAD_PORTS, kinds, strict=True))


@made_once
def part_leaf(bus: LoadBus, part: LoadBus, first: int, count: int) -> Leaf:
    """The register of `count` memories from number `first`; bus: in front of it, part: behind it, narrower or equal."""
    address, data = Word(part.address), Word(part.data)
    name = "_".join(map(str, (first, count, bus.memory, part.memory, part.address, part.data)))
    return Leaf(
        f"load_part_{name}",
        load_part,
        ins(clk=Bit(), load=Bit(), memory=Word(bus.memory), address=address, data=data)
        | outs(
            part_load=Bit(), part_memory=Word(part.memory), part_address=address, part_data=data
        ),
        {"first": first, "behind": first + count},
    )


@made_once
def copy_leaf(bus: LoadBus) -> Leaf:
    """The register in front of a cluster of memories."""
    memory, address, data = Word(bus.memory), Word(bus.address), Word(bus.data)
    return Leaf(
        f"load_copy_{bus.memory}_{bus.address}_{bus.data}",
        load_copy,
        ins(clk=Bit(), load=Bit(), memory=memory, address=address, data=data)
        | outs(load_q=Bit(), memory_q=memory, address_q=address, data_q=data),
    )


def bus_of(roms: Sequence[Rom], banks: int) -> LoadBus:
    """The bus that reaches these memories, of each its read-only form."""
    return LoadBus(
        bits_for(sum(len(rom.contents) for rom in roms)),
        max(rom.address_bits for rom in roms) + (banks > 1),
        max(rom.type.bits for rom in roms),
    )


def written(hardware: Hardware, rom: Rom) -> Rom:
    """The memory as the core has it: writable where weights are loaded."""
    if not hardware.loadable:
        return rom
    return writable(rom, hardware.weight_banks, bits_for(len(rom.contents)))


def memory_bus(memory: WritableMemory) -> LoadBus:
    """The bus at the ports of a memory."""
    return LoadBus(memory.memory_bits, memory.address_bits, memory.type.bits)


def cut(n: Netlist, label: str, net: Net, width: int) -> Net:
    """The low bits of a word."""
    return net if net.type.bits == width else n.bundle(label, Word(width), (net, 0, width))


def load_of(
    n: Netlist,
    label: str,
    given: dict[str, Net],
    bus: LoadBus,
    part: LoadBus,
    first: int,
    count: int,
) -> dict[str, Net]:
    """The nets of a part of the memories behind its register; given: the nets of `bus` by the memory's ports."""
    load, memory, address, data = (given[port] for port in LOAD_PORTS)
    made = n.add(
        f"{label}_load", part_leaf(bus, part, first, count), clk=n.nets["clk"], load=load, memory=memory,
        address=cut(n, f"{label}_load_place", address, part.address),
        data=cut(n, f"{label}_load_word", data, part.data),
    )  # fmt: skip
    return dict(zip(LOAD_PORTS, made.values(), strict=True))


def copied(n: Netlist, label: str, given: dict[str, Net], bus: LoadBus) -> dict[str, Net]:
    """The nets behind the register of a cluster of memories."""
    nets = dict(zip(("load", "memory", "address", "data"), given.values(), strict=True))
    made = n.add(label, copy_leaf(bus), clk=n.nets["clk"], **nets)
    return dict(zip(LOAD_PORTS, made.values(), strict=True))
