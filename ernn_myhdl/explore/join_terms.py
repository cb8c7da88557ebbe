"""Terms of the blocks of a graph of layers: entry, division and joins. See `ernn_myhdl.explore.block_terms`."""

from __future__ import annotations

from collections.abc import Callable

from ernn_myhdl.explore.leaf_bits import Terms, bits_of, bits_of_each
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.types import bits_for


def _whole_frames(leaf: Leaf) -> Terms:
    p = leaf.parameters
    return {
        "beats": bits_for(p["beats"]),
        "streams": p["streams"] * (p["streams"] > 1),
        "stream": bits_of(leaf, "stream"),
        "block": 1,
    }


def _in_turn(leaf: Leaf) -> Terms:
    return {
        "operands": bits_of(leaf, "valids"),
        "tags": bits_of(leaf, "user", "stream"),
        "flushes": bool(leaf.parameters["flushes"]),
        "block": 1,
    }


def _pack(leaf: Leaf) -> Terms:
    """Without a carry a beat of one of the operands; with it every sample is one of all, or waits."""
    p, bits = leaf.parameters, bits_of(leaf, "result")
    carries = bits * bool(p["carries"])
    return {
        "result": bits,
        "choices": bits * (p["count"] - 1),
        "carry": carries,
        "carry choices": carries * p["count"],
    }


def _add(leaf: Leaf) -> Terms:
    p = leaf.parameters
    return {"result": p["count"] * p["word"], "sums": p["count"] * p["word"] * (p["terms"] - 1)}


def _window_frames(leaf: Leaf) -> Terms:
    """With several streams every stream has its place and its counts, of which one is chosen."""
    p = leaf.parameters
    state = bits_of(leaf, "newest", "history", "first") + bits_for(p["stride"])
    return {
        "beats": bits_for(p["beats"]),
        "state": state,
        "streams": state * p["streams"] * (p["streams"] > 1),
        "block": 1,
    }


def _window_taps(leaf: Leaf) -> Terms:
    p = leaf.parameters
    return {
        "addresses": bits_of(leaf, "newest"),
        "counts": bits_for(p["kernel"]) + bits_for(p["beats"]) + bits_of(leaf, "history"),
        "tags": bits_of(leaf, "head", "stream"),
        "period": p["period"] * (p["period"] > 1),
        "block": 1,
    }


def _window_ends(leaf: Leaf) -> Terms:
    """A count of windows for each stream."""
    p = leaf.parameters
    bits = bits_for(p["last"] + 1)
    return {"counts": bits * p["streams"], "streams": p["streams"], "block": 1}


def _whole_samples(leaf: Leaf) -> Terms:
    """Samples of a last beat that are no elements, of which every bit is one of two."""
    p = leaf.parameters
    return {"masked": bits_of(leaf, "target") * (p["count"] - p["kept"]) / p["count"]}


def _enter_alone(leaf: Leaf) -> Terms:
    return {"beats": bits_for(leaf.parameters["beats"]), "tags": bits_of(leaf, "user"), "block": 1}


def _read_row(leaf: Leaf) -> Terms:
    """Comparison of the number with the last row, its limit, and its place in the address."""
    p = leaf.parameters
    whole = p["rows"] & p["rows"] - 1 == 0  # no number lies behind
    return {
        "number": p["bits"],
        "limit": p["bits"] * (not whole),
        "beats": bits_for(p["beats"]) * (p["beats"] > 1),
        "tags": bits_of(leaf, "user") * (p["beats"] > 1),
        "block": 1,
    }


#: Name of the MyHDL block -> its terms.
TERMS: dict[str, Callable[[Leaf], Terms]] = {
    "add_samples": _add,
    "best_of_frame": lambda leaf: {
        "value": bits_of(leaf, "value"),
        "index": bits_of(leaf, "index"),
        "block": 1,
    },
    "divide_stream": lambda leaf: {"branches": bits_of(leaf, "valids")},
    "enter_alone": _enter_alone,
    "enter_in_turn": _in_turn,
    "enter_together": lambda leaf: {"operands": bits_of(leaf, "valids"), "block": 1},
    "larger_of_pairs": bits_of_each("larger", "place"),
    "mask_samples": bits_of_each("target"),
    "mask_word": bits_of_each("target"),
    "pack_beats": _pack,
    "read_row": _read_row,
    "samples_of_beat": lambda leaf: {"block": 1},
    "whole_samples": _whole_samples,
    "whole_frames": _whole_frames,
    "window_ends": _window_ends,
    "window_frames": _window_frames,
    "window_taps": _window_taps,
}
