"""Terms of the blocks that count, frame and choose: streams, sequencer, drain and initial states.

See `ernn_myhdl.explore.block_terms`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ernn_myhdl.explore.leaf_bits import Terms, bits_of, one_block, width_of
from ernn_myhdl.hdl.components import Leaf
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


def _count_groups(leaf: Leaf) -> Terms:
    return {
        "available": bits_of(leaf, "available"),
        "place": bits_of(leaf, "index"),
        "page": bits_of(leaf, "page"),
        "block": 1,
    }


def _count_outputs(leaf: Leaf) -> Terms:
    streams, bits = leaf.parameters["streams"], bits_of(leaf, "y_available")
    return {
        "available": streams * bits,
        "early": leaf.parameters["early"] * bits,
        "streams": streams,
        "place": bits_of(leaf, "index"),
        "block": 1,
    }


def _arriving_frames(leaf: Leaf) -> Terms:
    return {
        "stream": bits_of(leaf, "stream") if "stream" in leaf.ports else 0,
        "loaded states": bits_of(leaf, "fresh") - 1,
        "block": 1,
    }


def _frame_tags(leaf: Leaf) -> Terms:
    pages = leaf.parameters["pages"]
    tag = bits_of(leaf, "op_tag") - (leaf.parameters["streams"] == 1)  # no bit of the stream
    return {
        "tag": tag,
        "tags": pages * tag,
        "page": bits_of(leaf, "m_page"),
        "pages": pages,
        "block": 1,
    }


def _gate_turn(leaf: Leaf) -> Terms:
    return {
        "parts": "gate_source" in leaf.ports,
        "block": 1,
    }


def _gate_operands(leaf: Leaf) -> Terms:
    return {
        "available": bits_of(leaf, "x_available", "y_available"),
        "need": bits_of(leaf, "gate_need"),
        "block": 1,
    }


def _second_operands(leaf: Leaf) -> Terms:
    return {
        "available": bits_of(leaf, "m_available"),
        "need": bits_of(leaf, "second_need"),
        "block": 1,
    }


def _prefetch(leaf: Leaf) -> Terms:
    return {
        "address": bits_of(leaf, "address"),
        "word": bits_of(leaf, "word"),
        "block": 1,
        "second phase": bool(leaf.parameters["first"]),
    }


def _operation(leaf: Leaf) -> Terms:
    return {
        "address": bits_of(leaf, "op_address"),
        "index": bits_of(leaf, "op_index"),
        "parts": "op_part" in leaf.ports,
        "parts of both": "second_part" in leaf.ports,
        "block": 1,
    }


def _fifo(leaf: Leaf) -> Terms:
    """Four LUTs hold up to 32 words of six bits; the word at the head is a register."""
    bits, behind = bits_of(leaf, "in_word"), leaf.parameters["depth"] - 1
    memories = math.ceil(bits / 6) * math.ceil(behind / 32)
    return {"memory": 4 * memories, "head": bits, "block": 1}


def _frame_begins(leaf: Leaf) -> Terms:
    return {
        "streams": leaf.parameters["streams"],
        "stream": bits_of(leaf, "stream"),
        "loaded states": "held" in leaf.ports,
        "block": 1,
    }


def _beat_frames(leaf: Leaf) -> Terms:
    return {
        "part": bits_of(leaf, "part"),
        "count": bits_of(leaf, "count"),
        "narrow": not leaf.parameters["wide"],
        "block": 1,
    }


def _blocks_of_beats(leaf: Leaf) -> Terms:
    p, width = leaf.parameters, width_of(leaf, "sample_block")
    several = "short" in leaf.ports
    block = (p["points"] if several else p["kept"]) * width
    masked = max(p["points"] - p["kept"], p["points"] - p["other_kept"]) if several else 0
    return {
        "block of samples": block,
        # a LUT chooses one of four
        "choice of parts": 0 if "width" in p else block * math.ceil((p["parts"] - 1) / 3),
        "masked": masked * width,
        "part": bits_for(p["parts"]),
        "block": 1,
    }


def _state_places(leaf: Leaf) -> Terms:
    return {"count": bits_of(leaf, "count"), "block": 1}


def _output_pages(leaf: Leaf) -> Terms:
    pages = leaf.parameters["pages"]
    return {
        "group": bits_of(leaf, "write_index"),
        "groups of pages": pages * bits_of(leaf, "have"),
        "tags": pages * bits_of(leaf, "tag"),
        "page": bits_of(leaf, "write_page"),
        "block": 1,
    }


def _output_beats(leaf: Leaf) -> Terms:
    p = leaf.parameters
    return {
        "beat": bits_of(leaf, "read_index"),
        "have": bits_of(leaf, "have"),
        "stream": bits_of(leaf, "beat_stream"),
        "ratio": math.log2(p["numerator"] * p["denominator"]),
        "loaded states": "beat_loaded" in leaf.ports,
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
    "arriving_frames": _arriving_frames,
    "beat_frames": _beat_frames,
    "block_parts": lambda leaf: {"source": bits_of(leaf, "source")},
    "choice": lambda leaf: {"reads x": "x_freed" in leaf.ports, "block": 1},
    "count_chunks": _count_chunks,
    "count_groups": _count_groups,
    "count_outputs": _count_outputs,
    "cut_blocks": _blocks_of_beats,
    "drain_control": lambda leaf: {"tag": bits_of(leaf, "tag"), "block": 1},
    "drain_timer": lambda leaf: {"chunks": bits_of(leaf, "gate_chunks"), "block": 1},
    "frame_begins": _frame_begins,
    "frame_tags": _frame_tags,
    "frames_under_way": lambda leaf: {"pages": bits_for(leaf.parameters["pages"] + 1), "block": 1},
    "gate_operands": _gate_operands,
    "gate_readiness": one_block,
    "gate_turn": _gate_turn,
    "gather": _gather,
    "gather_blocks": _blocks_of_beats,
    "mask_rows": _mask_rows,
    "not_loaded": one_block,
    "operation": _operation,
    "output_beats": _output_beats,
    "output_pages": _output_pages,
    "part_places": lambda leaf: {
        "tag": bits_of(leaf, "tag"),
        "place": bits_of(leaf, "place"),
        "block": 1,
    },
    "prefetch": _prefetch,
    "second_operands": _second_operands,
    "second_readiness": one_block,
    "sort_parts": one_block,
    "state_pages": _state_pages,
    "state_places": _state_places,
    "state_route": lambda leaf: {"layers": bits_of(leaf, "readies"), "block": 1},
    "state_stream": lambda leaf: {"stream": bits_of(leaf, "stream"), "block": 1},
    "stream_fifo": _fifo,
    "x_pages": lambda leaf: {"reads x": "second_x" in leaf.ports, "block": 1},
}
