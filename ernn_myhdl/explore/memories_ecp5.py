"""What a memory becomes in an ECP5: block RAMs of 18 kbit (DP16KD, PDPW16KD), or LUTs; the rule of Yosys.

As `ernn_myhdl.explore.memories`: the cheapest by Yosys' costs. A `Memory` counts block RAMs of 18 kbit in its field `ramb18`.
"""

from __future__ import annotations

import math
from functools import lru_cache

from ernn_myhdl.explore.memories import Memories, Memory, distinct_columns

#: Words x bits of one block RAM with a write and a read port.
SHAPES = tuple((512 << i, (36, 18, 9, 4, 2, 1)[i]) for i in range(6))
#: Words x bits of one TRELLIS_DPR16X4, and its LUTs.
LUT_WORDS, LUT_BITS, LUTS = 16, 4, 4
COST_BLOCK, COST_LUTS, COST_CHOICE = 128.0, 4.0, 0.5
#: Words that one LUT holds of a column; by so many bits Yosys divides for the cost of LUTs.
LUT_TABLE = 16
#: Part of the columns that are left of a memory of LUTs, since equal ones and those of a sign are shared.
SHARED = 0.85


def _ways(depth: int, width: int):
    """(cost, block RAMs, rows) of every way to build a memory of block RAM."""
    for words, bits in SHAPES:
        rows = math.ceil(depth / words)
        number = math.ceil(rows * width / bits)  # rows side by side, of which one is chosen
        yield number * COST_BLOCK + COST_CHOICE * width * (rows - 1), number, rows


def _choice(width: int, rows: int) -> int:
    """LUTs of the choice between rows: two and the multiplexer behind them choose one of four."""
    return 0 if rows == 1 else width * math.ceil(rows / 2)


@lru_cache(maxsize=4096)
def block_memory(depth: int, width: int) -> Memory:
    """A read-only memory of block RAM; the address of the row is a register."""
    _, number, rows = min(_ways(depth, width))
    return Memory(_choice(width, rows), (rows - 1).bit_length(), number)


@lru_cache(maxsize=4096)
def ram_memory(depth: int, width: int) -> Memory:
    """A RAM of `ernn_myhdl.rtl.memory`; one of LUTs registers its output in flip-flops.

    A block RAM does not return the old word where it is written and read at once: Yosys keeps that word, and compares the addresses.
    """
    address = (depth - 1).bit_length()
    rows, columns = math.ceil(depth / LUT_WORDS), math.ceil(width / LUT_BITS)
    cost = rows * columns * COST_LUTS + COST_CHOICE * width * (rows - 1)
    block, number, _ = min(_ways(depth, width))
    if block + COST_CHOICE * width < cost:
        return Memory(width + 1.2 * address, 2 * width + address + 2, number)
    chosen = 0 if rows == 1 else width * (1 if rows == 2 else rows) + rows
    return Memory(rows * columns * LUTS + chosen, width)


@lru_cache(maxsize=4096)
def rom_memory(depth: int, width: int, block: bool) -> Memory:
    """A memory with initial values; block: it asks for block RAM. One that does not gets it where LUTs would cost more."""
    if not width:
        return Memory(0, 0)
    if block or min(_ways(depth, width))[0] < depth * width / LUT_TABLE:
        return block_memory(depth, width)
    columns = SHARED * distinct_columns(depth, width)
    tables = 1 << max((depth - 1).bit_length() - 4, 0)
    return Memory(columns * tables, columns)


ECP5_MEMORIES = Memories(ram_memory, block_memory, rom_memory)
