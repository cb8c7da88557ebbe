"""Reshape and Flatten: which axes of a signal stay, join and part again.

The elements of a tensor keep their order, so a shape is followed where each of its entries stands for
whole axes of the signal, one after the other. An entry is matched with the axis it was computed from or
with an axis of a fixed size, never with one whose size it only may have.
"""

from __future__ import annotations

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_sizes import UNKNOWN
from ernn_myhdl.exchange.onnx_values import Axis, Labels, Signal, Sizes


def reshape(
    where: str, attributes: dict, given: list, labels: Labels, declared: list | None
) -> Signal:
    """The signal after Reshape; declared: sizes that the file states for the result, or None."""
    signal, shape = given[0], given[1]
    if isinstance(shape, Sizes):
        entries = list(shape.entries)
    elif isinstance(shape, np.ndarray) and shape.dtype.kind == "i":
        entries = [int(n) for n in shape.reshape(-1)]
    else:
        raise DesignError(f"{where}: its shape must be constant or follow from sizes of the input")
    for i, entry in enumerate(entries):
        if entry == 0 and not attributes.get("allowzero", 0):
            if i >= len(signal.axes):
                raise DesignError(f"{where}: its shape keeps axis {i} of {len(signal.axes)}")
            entries[i] = signal.axes[i]
        elif isinstance(entry, int) and (entry < -1 or entry == 0):
            raise DesignError(f"{where}: its shape holds {entry}")
    if entries.count(-1) > 1:
        raise DesignError(f"{where}: its shape holds -1 more than once")
    # where sizes are open, a number that the file states for a size that is computed is that of the exporter's sample
    known = all(labels.size(axis) is not None for axis in signal.axes)
    if declared is not None and len(declared) == len(entries):
        entries = [
            size
            if entry in (-1, UNKNOWN) and size is not None and (known or not isinstance(size, int))
            else entry
            for entry, size in zip(entries, declared, strict=True)
        ]
    return _checked(where, signal, _grouped(where, signal, entries, labels), labels)


def flatten(
    where: str, attributes: dict, given: list, labels: Labels, declared: list | None
) -> Signal:
    """The signal after Flatten: the axes before one joined, and the others."""
    signal, count = given[0], len(given[0].axes)
    axis = attributes.get("axis", 1)
    if not -count <= axis <= count:
        raise DesignError(f"{where}: axis {axis} of {count}")
    axis = axis % count if axis < 0 else axis
    halves = (sum(signal.axes[:axis], ()), sum(signal.axes[axis:], ()))
    return _checked(where, signal, [half or labels.new(1) for half in halves], labels)


def _grouped(where: str, signal: Signal, entries: list, labels: Labels) -> list[Axis]:
    """The labels of the signal, in order, as one axis for each entry of a shape."""
    atoms = [label for axis in signal.axes for label in axis]
    front: list[Axis] = []
    while len(front) < len(entries):
        taken = _taken(entries[len(front)], atoms, labels)
        if taken is None:
            break
        if taken and entries[len(front)] == 1 and entries[len(front) + 1 :][:1] != [1]:
            taken = _with_sequences(taken, atoms, labels)
        front.append(taken or labels.new(1))
        atoms = atoms[len(taken) :]
    back: list[Axis] = []
    while len(front) + len(back) < len(entries):
        taken = _taken(entries[-1 - len(back)], atoms[::-1], labels)
        if taken is None:
            break
        back.insert(0, taken[::-1] or labels.new(1))
        atoms = atoms[: len(atoms) - len(taken)]
    left = entries[len(front) : len(entries) - len(back)]
    if len(left) == 1 and _may_be(left[0], tuple(atoms), labels):
        return [*front, tuple(atoms) or labels.new(1), *back]  # nothing else is left for it
    if not left and not labels.core(tuple(atoms)):
        return [*front, *back]
    raise DesignError(
        f"{where}: makes other axes of {_described(signal, labels)}: its shape "
        f"({', '.join(_entry(e, labels) for e in entries)}) cannot be shown to keep them apart, so it may "
        "mix frames, sequences and elements; may only drop axes of one element, or join and part frames "
        "and batch"
    )


def _with_sequences(taken: Axis, atoms: list[str], labels: Labels) -> Axis:
    """Labels of one element and those behind them, up to one of x: the axis of the one sequence of an example, which may have more."""
    ones = 0
    while ones < len(atoms) and labels.sizes[atoms[ones]] == 1:
        ones += 1
    of_x = [i for i in range(len(taken), ones) if atoms[i] in labels.inputs]
    return tuple(atoms[: of_x[-1] + 1]) if of_x else taken


def _taken(entry, atoms: list[str], labels: Labels) -> Axis | None:
    """The first labels that an entry stands for, none for an axis of one element; None: cannot be told."""
    if entry in (-1, UNKNOWN):
        return None
    if entry == 1:
        return tuple(atoms[:1]) if atoms and labels.sizes[atoms[0]] == 1 else ()
    if isinstance(entry, tuple):
        wanted, taken = sorted(labels.core(entry)), []
        if not wanted:
            return _taken(1, atoms, labels)
        for label in atoms:
            taken.append(label)
            if len(labels.core(tuple(taken))) == len(wanted):
                return tuple(taken) if sorted(labels.core(tuple(taken))) == wanted else None
        return None
    taken = []
    for label in atoms:
        taken.append(label)
        if isinstance(entry, str):
            if labels.sizes[label] == 1:
                continue
            return tuple(taken) if labels.names.get(label) == entry else None
        size = labels.size(tuple(taken))
        if size is None or size > entry:
            return None
        if size == entry:
            return tuple(taken)
    return None


def _may_be(entry, axis: Axis, labels: Labels) -> bool:
    """Whether the labels that are left can have the size of the entry that is left."""
    size = labels.size(axis)
    return not isinstance(entry, int) or entry == -1 or size is None or size == entry


def _checked(where: str, signal: Signal, axes: list[Axis], labels: Labels) -> Signal:
    """The signal with these axes; DesignError where the elements of a frame do not have one of their own."""
    feature = signal.feature
    for axis in axes:
        if feature in axis and labels.core(axis) not in ((feature,), ()):
            raise DesignError(
                f"{where}: joins {labels.meaning(axis, signal)}; a core gives each frame by itself: cut "
                "the model before this node"
            )
    return signal.moved(axes)


def _entry(entry, labels: Labels) -> str:
    if entry == UNKNOWN:
        return "?"
    if isinstance(entry, tuple):
        sizes = [labels.sizes[label] or labels.names.get(label) or label for label in entry]
        return "*".join(map(str, sizes)) or "1"
    return str(entry)


def _described(signal: Signal, labels: Labels) -> str:
    return f"({', '.join(_entry(axis, labels) for axis in signal.axes)})"
