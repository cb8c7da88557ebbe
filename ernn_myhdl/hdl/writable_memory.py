"""Memories that have contents from the start and can be written: simple dual-port RAM."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from myhdl import always

from ernn_myhdl.hdl.components import Contents, Port, Rom, ins
from ernn_myhdl.hdl.types import AnySignal, Array, Bit, Signals, Word

#: Ports of the write side, as everything that hands them on calls them.
LOAD, LOAD_MEMORY, LOAD_ADDRESS, LOAD_DATA = LOAD_PORTS = (
    "load",
    "load_memory",
    "load_address",
    "load_data",
)


@dataclass(frozen=True)
class WritableMemory(Rom):
    """A `Rom` whose words can be replaced: one write and one read port, both synchronous, read latency 1 cycle.

    memory_bits: of `load_memory`. Ports beside those of a Rom: load: a word is written into the memory whose contents have the
    number load_memory; load_address, load_data: where, and what. What a read of the word gives that is written in
    the same cycle is not defined: the hardware may give either. Words keep their value in a reset.
    """

    memory_bits: int = 1

    @cached_property
    def ports(self) -> dict[str, Port]:
        address = Word(self.address_bits)
        load = ins(
            load=Bit(), load_memory=Word(self.memory_bits), load_address=address,
            load_data=Word(self.type.bits),
        )  # fmt: skip
        given = super().ports
        return {"clk": given["clk"]} | load | {name: given[name] for name in ("address", "q")}

    def process(self, index: int, **nets: Any) -> Any:
        return _memory_process(self, index, **nets)


def writable(rom: Rom, banks: int, memory_bits: int) -> WritableMemory:
    """The memory with the words of `rom` in each bank; the lowest bit of an address is the bank, where there are two."""
    given = rom.contents
    contents = Contents(
        len(given),
        given.depth * banks,
        lambda: [tuple(w for word in words for w in (word,) * banks) for words in given],
    )
    bits = rom.address_bits + (banks > 1)
    return WritableMemory(rom.name, bits, rom.type, contents, memory_bits)


def _memory_process(
    memory: WritableMemory,
    index: int,
    clk: AnySignal,
    load: AnySignal,
    load_memory: AnySignal,
    load_address: AnySignal,
    load_data: AnySignal,
    address: AnySignal,
    q: Signals,
) -> Any:
    words = list(memory.contents[index])
    depth = len(words)
    fields = list(q) if isinstance(memory.type, Array) else None
    width = memory.type.width if isinstance(memory.type, Array) else memory.type.bits
    mask, sign = (1 << width) - 1, 1 << (width - 1)
    shown = (
        None  # the address whose word is at q; a lane that waits reads the same one in every cycle
    )

    def access() -> None:
        nonlocal shown
        place = int(address)
        if place < depth and place != shown:
            if fields is None:
                q.next = words[place]
            else:
                word = words[place]
                for signal in fields:
                    value = word & mask
                    signal.next = (value ^ sign) - sign
                    word >>= width
            shown = place
        if load and load_memory == index and load_address < depth:
            words[int(load_address)] = int(load_data)
            if shown == int(load_address):
                shown = None

    return always(clk.posedge)(access)
