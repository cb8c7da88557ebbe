"""Sizes that exporters compute in a graph, mostly for initial states of zeros."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_values import Labels, Signal, Sizes, Value, Zeros

#: Operators that change nothing of a list of sizes but its axes.
_KEEP = {"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"}
#: In the place of a size of which nothing is known.
_UNKNOWN = ("unknown",)


def sizes_of(kind: str, attributes: dict, given: list, labels: Labels) -> list[Value] | None:
    """Results of a node that computes with sizes; None where it is none or not known."""
    first = given[0]
    if kind == "Shape" and isinstance(first, Signal):
        axes = first.axes[attributes.get("start", 0) : attributes.get("end")]
        return _list(a if labels.size(a) is None else labels.size(a) for a in axes)
    if kind == "Expand" and isinstance(given[1], Sizes) and _zero(first):
        return [Zeros()]
    if kind == "Concat" and any(isinstance(v, Sizes) for v in given):
        entries = [_entries(v) for v in given]
        return None if None in entries else _list(sum(entries, ()))
    if kind in ("Equal", "Where") and any(isinstance(v, Sizes) for v in given):
        return [Sizes((_UNKNOWN,) * max(len(_entries(v) or ()) for v in given))]
    if not isinstance(first, Sizes):
        return None
    if kind == "Shape":
        return [np.array([len(first.entries)], dtype=np.int64)]
    rest = given[1:]
    if kind in _KEEP:
        return [first]
    if kind == "Gather" and isinstance(rest[0], np.ndarray) and rest[0].dtype.kind == "i":
        chosen = [_at(first, int(i)) for i in rest[0].reshape(-1)]
        if not rest[0].ndim and isinstance(chosen[0], int):
            return [np.array(chosen[0], dtype=np.int64)]
        return _list(chosen)
    if kind == "Slice" and all(isinstance(v, np.ndarray) and v.size == 1 for v in rest):
        start, stop, *others = (int(v.flat[0]) for v in rest)
        step = others[1] if len(others) > 1 else 1
        return _list(first.entries[start : min(stop, len(first.entries)) : step or 1])
    return None


def _list(entries) -> list[Value]:
    """The result that is a list of these sizes: a constant where none depends on the input."""
    entries = tuple(entries)
    if all(isinstance(entry, int) for entry in entries):
        return [np.array(entries, dtype=np.int64)]
    return [Sizes(entries)]


def _zero(value) -> bool:
    return isinstance(value, Zeros) or (isinstance(value, np.ndarray) and not np.any(value))


def _at(sizes: Sizes, index: int):
    if not -len(sizes.entries) <= index < len(sizes.entries):
        raise DesignError(f"the graph takes size {index} of {len(sizes.entries)}")
    return sizes.entries[index]


def _entries(value) -> tuple | None:
    if isinstance(value, Sizes):
        return value.entries
    if isinstance(value, np.ndarray) and value.dtype.kind == "i" and value.size <= 8:
        return tuple(int(n) for n in value.reshape(-1))
    return None
