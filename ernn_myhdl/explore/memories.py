"""What a memory becomes in a 7-series device: block RAMs of 18 or 36 kbit, or LUTs; the rule of Yosys.

Yosys compares the ways to build a memory by a cost: that of each block RAM or LUT memory, and half a point
for every bit that must be chosen between rows of them (its `memory_libmap`, and the files in
`share/yosys/xilinx`). A read-only memory that asks for block RAM (`hdl.block_ram.in_block_ram`) gets the
cheapest of those; one that does not becomes LUTs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from ernn_myhdl.hdl.block_ram import in_block_ram
from ernn_myhdl.hdl.components import Leaf, Rom
from ernn_myhdl.hdl.writable_memory import WritableMemory

#: Words x bits of one RAMB18 and one RAMB36, as simple dual-port memory.
RAMB18_SHAPES = tuple((512 << i, 36 // (1 << i) if i < 3 else 4 >> (i - 3)) for i in range(6))
RAMB36_SHAPES = tuple((512 << i, 72 // (1 << i) if i < 4 else 4 >> (i - 4)) for i in range(7))
#: Words x bits of four LUTs as memory with a write and a read port.
LUT_SHAPES = ((32, 6), (64, 3))
LUTS_OF_MEMORY = 4
COST_18, COST_36, COST_LUTS, COST_FIRST_BIT, COST_CHOICE = 129.0, 257.0, 8.0, 1.0, 0.5


@dataclass(frozen=True)
class Memory:
    """Resources of one memory."""

    lut: float
    ff: float
    ramb18: int = 0
    ramb36: int = 0


def _ways(depth: int, width: int):
    """(cost, RAMB18, RAMB36, rows) of every way to build a memory of block RAM."""
    for shapes, cost, which in ((RAMB18_SHAPES, COST_18, 0), (RAMB36_SHAPES, COST_36, 1)):
        for words, bits in shapes:
            rows, columns = math.ceil(depth / words), math.ceil(width / bits)
            number = rows * columns
            total = number * cost + COST_CHOICE * width * (rows - 1)
            yield total, number * (1 - which), number * which, rows


def _lut_ways(depth: int, width: int):
    """(cost, LUTs, rows) of every way to build a memory of LUTs."""
    for words, bits in LUT_SHAPES:
        rows = math.ceil(depth / words)
        full, rest = divmod(width, bits)
        part = COST_FIRST_BIT + (COST_LUTS - COST_FIRST_BIT) * rest / bits if rest else 0.0
        cost = rows * (full * COST_LUTS + part) + COST_CHOICE * width * (rows - 1)
        yield cost, rows * (full + bool(rest)) * LUTS_OF_MEMORY, rows


def _choices(width: int, rows: int) -> tuple[int, int]:
    """LUTs and flip-flops of the choice between rows: a LUT chooses one of four."""
    if rows == 1:
        return 0, 0
    return width * math.ceil((rows - 1) / 3), (rows - 1).bit_length()


def _block(depth: int, width: int) -> Memory:
    _, ramb18, ramb36, rows = min(_ways(depth, width))
    return Memory(*_choices(width, rows), ramb18, ramb36)


@lru_cache(maxsize=4096)
def ram_memory(depth: int, width: int) -> Memory:
    """A RAM of `ernn_myhdl.rtl.memory`; one of LUTs registers its output in flip-flops."""
    lut_cost, luts, rows = min(_lut_ways(depth, width))
    if min(_ways(depth, width))[0] < lut_cost:
        return _block(depth, width)
    return Memory(luts + _choices(width, rows)[0], width)


def distinct_columns(depth: int, width: int) -> float:
    """Expected number of different bits of random words, which a synthesis keeps once each."""
    if depth >= 24:
        return float(width)
    functions = 2.0**depth
    return max(functions * -math.expm1(width * math.log1p(-1 / functions)) - 2, 0.0)


@lru_cache(maxsize=4096)
def rom_memory(depth: int, width: int, block: bool) -> Memory:
    """A memory with initial values; block: it asks for block RAM."""
    if not width:
        return Memory(0, 0)
    if block:
        return _block(depth, width)
    columns = distinct_columns(depth, width)
    return Memory(columns * max(1 - 2 / depth, 0.0), columns)


def varying_bits(words: Iterable[int]) -> int:
    """Bits that are not the same in all words: a synthesis leaves the others out of the memory."""
    first, *rest = words
    varying = 0
    for word in rest:
        varying |= word ^ first
    return varying.bit_count()


def widest(rom: Rom) -> int:
    """Most varying bits of one of the memories of a Rom, which stands for all."""
    return max(varying_bits(words) for words in rom.contents)


@dataclass(frozen=True)
class Memories:
    """What the memories of a family become: a RAM of (words, bits), one of block RAM, one with initial values (`rom_memory`)."""

    ram: Callable[[int, int], Memory]
    block: Callable[[int, int], Memory]
    rom: Callable[[int, int, bool], Memory]


XILINX_MEMORIES = Memories(ram_memory, _block, rom_memory)


def memory_of(
    component: Leaf | Rom, width: int | None = None, memories: Memories = XILINX_MEMORIES
) -> Memory:
    """The memory that a RAM leaf or a Rom is; width: varying bits of a Rom where they are known."""
    if isinstance(component, WritableMemory):  # what is loaded may vary in every bit
        bits = component.type.bits
        make = memories.block if in_block_ram(component) else memories.ram
        return make(component.depth, bits)
    if isinstance(component, Rom):
        width = component.type.bits if width is None else width
        return memories.rom(component.depth, width, in_block_ram(component))
    return memories.ram(component.parameters["depth"], component.parameters["width"])
