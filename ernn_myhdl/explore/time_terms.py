"""Terms of the blocks of joins over time. See `ernn_myhdl.explore.block_terms`."""

from __future__ import annotations

from collections.abc import Callable

from ernn_myhdl.explore.leaf_bits import Terms, bits_of
from ernn_myhdl.hdl.components import Leaf

#: Words of a memory of look-up tables that a LUT holds of one bit.
LUT_WORDS = 64


def _enter(leaf: Leaf) -> Terms:
    streams = 1 << bits_of(leaf, "stream")
    return {"place": bits_of(leaf, "place"), "streams": streams, "block": 1}


def _count(leaf: Leaf) -> Terms:
    bits = (leaf.parameters["most_frames"] + 1).bit_length()
    streams = 1 << bits_of(leaf, "stream")
    return {"count": bits, "counts": bits * streams, "streams": streams, "block": 1}


def _repeat(leaf: Leaf) -> Terms:
    copies = leaf.parameters["copies"].bit_length()
    return {"place": bits_of(leaf, "place"), "copies": copies, "block": 1}


def _sample(leaf: Leaf) -> Terms:
    bits = bits_of(leaf, "result")
    return {"result": bits, "memory": bits * -(-leaf.parameters["depth"] // LUT_WORDS), "block": 1}


def _multiply(leaf: Leaf) -> Terms:
    """A multiplier has the registers; where the constant is 1 they are flip-flops."""
    return {"passed": bits_of(leaf, "source") * (leaf.parameters["constant"] == 1)}


#: Name of the MyHDL block -> its terms.
TERMS: dict[str, Callable[[Leaf], Terms]] = {
    "count_frames": _count,
    "enter_sequence": _enter,
    "keep_largest": _sample,
    "keep_loaded": lambda leaf: {"streams": 1 << bits_of(leaf, "stream"), "block": 1},
    "keep_sample": _sample,
    "keep_sum": _sample,
    "multiply_constant": _multiply,
    "repeat_frames": _repeat,
}
