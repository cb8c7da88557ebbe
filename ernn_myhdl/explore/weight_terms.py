"""Terms of the blocks that load weights. See `ernn_myhdl.explore.block_terms`."""

from __future__ import annotations

from collections.abc import Callable

from ernn_myhdl.explore.leaf_bits import Terms, bits_of, one_block
from ernn_myhdl.hdl.components import Leaf


def _load_part(leaf: Leaf) -> Terms:
    return {
        "bits": bits_of(leaf, "part_address", "part_data"),
        "memory": bits_of(leaf, "memory"),
        "block": 1,
    }


def _load_copy(leaf: Leaf) -> Terms:
    return {"bits": bits_of(leaf, "address_q", "data_q", "memory_q"), "block": 1}


def _records(leaf: Leaf) -> Terms:
    return {"numbers": bits_of(leaf, "memory", "address", "shape"), "block": 1}


def _streams(leaf: Leaf) -> Terms:
    return {"streams": leaf.parameters["streams"], "block": 1}


#: Name of the MyHDL block -> its terms.
TERMS: dict[str, Callable[[Leaf], Terms]] = {
    "bank_switch": one_block,
    "idle_bank": one_block,
    "idle_sequences": _streams,
    "image_check": one_block,
    "image_control": one_block,
    "image_limb": one_block,
    "image_match": one_block,
    "image_records": _records,
    "image_status": one_block,
    "image_words": one_block,
    "load_copy": _load_copy,
    "load_part": _load_part,
    "sequence_banks": _streams,
}
