"""Sizes that exporters compute in a graph, mostly for initial states of zeros."""

from __future__ import annotations

import itertools

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_values import Labels, Signal, Sizes, Value, Zeros

#: Operators that change nothing of a list of sizes but its axes.
_KEEP = {"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"}
#: Operators whose result is another list of sizes, of which nothing is known.
_OTHER = {"Add", "Div", "Equal", "Max", "Min", "Mod", "Sub", "Where"}
#: In the place of a size of which nothing is known.
UNKNOWN = ("unknown",)


def sizes_of(kind: str, attributes: dict, given: list, labels: Labels) -> list[Value] | None:
    """Results of a node that computes with sizes; None where it is none or not known."""
    first = given[0]
    if kind == "Shape" and isinstance(first, Signal):
        axes = first.axes[attributes.get("start", 0) : attributes.get("end")]
        return _list(a if labels.size(a) is None else labels.size(a) for a in axes)
    if kind == "Expand" and isinstance(given[1], Sizes) and _zero(first):
        return [Zeros(_broadcast(first, given[1].entries))]
    if kind == "Concat" and any(isinstance(v, Sizes) for v in given):
        parts = [e for v in given if (e := _entries(v)) is not None]
        return _list(itertools.chain(*parts)) if len(parts) == len(given) else None
    if any(isinstance(v, Sizes) for v in given) and not any(isinstance(v, Signal) for v in given):
        known = [_entries(v) for v in given]
        if kind in _OTHER:
            return [Sizes((UNKNOWN,) * max(len(entries or ()) for entries in known))]
        each = [entries for entries in known if entries is not None]
        if kind == "Mul" and len(each) == len(given):
            count = max(map(len, each))
            if all(len(entries) in (1, count) for entries in each):
                pairs = zip(*[e * (count if len(e) == 1 else 1) for e in each], strict=True)
                return _list(_product(*pair) for pair in pairs)
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


def zeros_of(kind: str, attributes: dict, given: list) -> Zeros:
    """Zeros after an operator that keeps them zero, with their shape where that is easily told."""
    shape = given[0].shape
    if shape is None or kind in ("Cast", "Identity"):
        return given[0]
    if kind == "Slice" and len(given) > 3 and isinstance(given[3], np.ndarray):
        axes = {int(n) % len(shape) for n in given[3].reshape(-1)}
        return Zeros(tuple(UNKNOWN if i in axes else n for i, n in enumerate(shape)))
    if kind == "Expand" and (entries := _entries(given[1])) is not None:
        return Zeros(_broadcast(given[0], entries))
    return Zeros()


def zeros_like(entries) -> Zeros:
    """Zeros whose shape is a list of sizes or a constant."""
    return Zeros(_entries(entries))


def _broadcast(zeros, entries: tuple) -> tuple | None:
    """The shape of zeros after Expand."""
    shape = zeros.shape
    if shape is None or len(shape) > len(entries):
        return None
    shape = (1,) * (len(entries) - len(shape)) + tuple(shape)
    return tuple(
        wide if own == 1 else own if wide == 1 or wide == own else UNKNOWN
        for own, wide in zip(shape, entries, strict=True)
    )


def _product(one, other):
    """The product of two sizes."""
    if UNKNOWN in (one, other):
        return UNKNOWN
    if isinstance(one, int) and isinstance(other, int):
        return one * other
    if isinstance(one, tuple) and isinstance(other, tuple):
        return one + other
    axis, number = (one, other) if isinstance(one, tuple) else (other, one)
    return axis if number == 1 else UNKNOWN


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
