"""Varying bits of memories, for comparisons of an exploration with the cores of its candidates."""

from ernn_myhdl.explore.memories import widest


def all_weights_vary(rom) -> int:
    """Varying bits of a memory as an exploration counts them, but from its contents."""
    return rom.type.bits if rom.name.endswith("lane_weights") else widest(rom)
