"""Bits of the ports of a block, of which its terms are made (`ernn_myhdl.explore.block_terms`)."""

from __future__ import annotations

from collections.abc import Callable

from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.types import Array

#: Name of a term -> how much there is of it.
Terms = dict[str, float]


def width_of(leaf: Leaf, port: str) -> int:
    """Bits of a word of a port."""
    kind = leaf.ports[port].type
    return kind.width if isinstance(kind, Array) else kind.bits


def bits_of(leaf: Leaf, *ports: str) -> int:
    """Bits of ports together."""
    return sum(leaf.ports[port].type.bits for port in ports)


def bits_of_each(*ports: str) -> Callable[[Leaf], Terms]:
    """A term for the bits of each port."""
    return lambda leaf: {port: bits_of(leaf, port) for port in ports}


def one_block(leaf: Leaf) -> Terms:
    """For a block of one size."""
    return {"block": 1}
