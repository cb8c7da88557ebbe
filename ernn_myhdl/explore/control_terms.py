"""Terms of the blocks that count, frame and choose: streams, sequencer, drain and initial states.

See `ernn_myhdl.explore.block_terms`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ernn_myhdl.explore.leaf_bits import Terms, bits_of, one_block, width_of
from ernn_myhdl.hdl.netlist import Leaf
from ernn_myhdl.hdl.types import bits_for


def _gather(leaf: Leaf) -> Terms:
    p = leaf.parameters
    counters = sum(bits_for(p[n]) for n in ("slots", "chunks", "groups"))
    return {
        "rows": bits_of(leaf, "rows"),
        "counters": counters,
        "tags": bits_of(leaf, "tag", "index"),
        "block": 1,
    }


def _count_chunks(leaf: Leaf) -> Terms:
    """One chunk is not counted."""
    bits = (leaf.parameters["chunks"] - 1).bit_length()
    return {"counter": bits, "block": bool(bits)}


def _mask_rows(leaf: Leaf) -> Terms:
    p = leaf.parameters
    width = width_of(leaf, "rows")
    masked = (p["count"] - p["kept"]) * width
    return {
        "rows": p["count"] * width,
        "masked": masked,
        "counter": bits_for(p["groups"]) * bool(masked),
    }


def _sequencer(leaf: Leaf) -> Terms:
    p = leaf.parameters
    groups = sum(bits_for(p[n]) for n in ("x_groups", "y_groups", "m_groups"))
    return {
        "address": bits_for(p["length"]),
        "groups": groups,
        "streams": p["streams"],
        "pages": p["pages"],
        "second phase": bool(p["base"]),
        "reads x": "op_second_x" in leaf.ports,
        "parts": "op_part" in leaf.ports,
        "loaded states": bits_of(leaf, "frame_fresh") - 1,
        "block": 1,
    }


def _fifo(leaf: Leaf) -> Terms:
    """Four LUTs hold up to 32 words of six bits."""
    return {"memory": 4 * math.ceil(bits_of(leaf, "in_word") / 6), "block": 1}


def _input(leaf: Leaf) -> Terms:
    p = leaf.parameters
    block = bits_of(leaf, "sample_block")
    parts = p["parts"]
    return {
        "block of samples": block,
        "choice of parts": block * (parts - 1) if "width" not in p else 0,
        "kept samples": 0 if "width" not in p else block,
        "masked": block if p["remainder"] < p["points"] else 0,
        "streams": p["streams"],
        "counters": bits_for(p["blocks"]) + bits_for(parts),
        "loaded states": "held" in leaf.ports,
        "block": 1,
    }


def _output_frames(leaf: Leaf) -> Terms:
    p = leaf.parameters
    return {
        "counters": bits_for(p["groups"]) + bits_for(p["beats"]),
        "pages": p["pages"],
        "streams": bits_of(leaf, "beat_stream"),
        "ratio": math.log2(p["numerator"] * p["denominator"]),
        "loaded states": "beat_loaded" in leaf.ports,
        "block": 1,
    }


def _state_frames(leaf: Leaf) -> Terms:
    p = leaf.parameters
    block, word = bits_of(leaf, "sample_block"), width_of(leaf, "sample_block")
    masked = max(p["points"] - p["output_kept"], p["points"] - p["cell_kept"])
    return {
        "block of samples": block,
        "choice of parts": block * (p["parts"] - 1) if p["wide"] else 0,
        "kept samples": 0 if p["wide"] else block,
        "masked": masked * word,
        "counters": bits_for(p["blocks"]) + bits_for(p["parts"]),
        "stream": bits_of(leaf, "stream"),
        "block": 1,
    }


def _state_pages(leaf: Leaf) -> Terms:
    return {
        "streams": leaf.parameters["streams"],
        "stream": bits_of(leaf, "stream"),
        "group": bits_of(leaf, "cells_index"),
        "block": 1,
    }


def _any_of(leaf: Leaf) -> Terms:
    """A LUT joins six bits."""
    return {"luts": math.ceil((bits_of(leaf, "bits") - 1) / 5)}


#: Name of the MyHDL block -> its terms.
TERMS: dict[str, Callable[[Leaf], Terms]] = {
    "any_of": _any_of,
    "count_chunks": _count_chunks,
    "drain_control": lambda leaf: {"tag": bits_of(leaf, "tag"), "block": 1},
    "gather": _gather,
    "input_narrow": _input,
    "input_wide": _input,
    "mask_rows": _mask_rows,
    "not_loaded": one_block,
    "output_frames": _output_frames,
    "sequencer": _sequencer,
    "sort_parts": one_block,
    "state_frames": _state_frames,
    "state_pages": _state_pages,
    "state_route": lambda leaf: {"layers": bits_of(leaf, "readies"), "block": 1},
    "stream_fifo": _fifo,
}
