"""Which memories with initial values synthesis is asked to make of block RAM."""

from __future__ import annotations

from ernn_myhdl.hdl.components import Rom

#: Words from which a memory is asked to be block RAM: a LUT holds 64 bits.
BLOCK_RAM_DEPTH = 65
#: Bits from which a memory of fewer words is: its address would drive a LUT for every bit of a word.
BLOCK_RAM_BITS = 16384


def in_block_ram(rom: Rom) -> bool:
    """Whether synthesis is asked to take block RAM."""
    return rom.depth >= BLOCK_RAM_DEPTH or rom.depth * rom.type.bits >= BLOCK_RAM_BITS
