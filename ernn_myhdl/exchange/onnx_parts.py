"""Slice, Gather and Split along the elements of a frame: some of them, as an operation of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import Node, Selected
from ernn_myhdl.exchange.onnx_values import Labels, Signal


def of_elements(signal: Signal, axis: int, labels: Labels) -> Signal | None:
    """The signal with the elements of a frame along an axis, as which the last one of x itself counts; None where they lie along
    another."""
    core = labels.core(signal.axes[axis]) or signal.axes[axis]
    if len(core) != 1 or signal.padded is not None:
        return None
    if signal.feature is not None:
        return signal if core == (signal.feature,) else None
    last = max(labels.inputs.values(), default=0)
    if signal.node.layers or signal.frame == core[0] or labels.inputs.get(core[0]) != last:
        return None
    return replace(signal, feature=core[0], taken=core[0]) if last else None


def some_elements(
    where: str, signal: Signal, axis: int, chosen: Sequence[int], labels: Labels
) -> Signal | None:
    """The elements with these numbers, in this order; None where an axis holds something else. Raises DesignError where their
    number is not known."""
    known = of_elements(signal, axis, labels)
    if known is None:
        return None
    size = labels.size(known.axes[axis])
    if size is None:
        raise DesignError(
            f"{where}: takes some elements of frames of unknown size; export the model with a fixed size"
        )
    if not chosen or not all(-size <= i < size for i in chosen):
        raise DesignError(f"{where}: takes elements {list(chosen)} of {size}")
    node = Node(Selected(tuple(i % size for i in chosen), size), (known.node,), where)
    feature = labels.new(len(chosen))
    axes = (*known.axes[:axis], feature, *known.axes[axis + 1 :])
    return replace(known.moved(axes), node=node, feature=feature[0], factors=None)


def sliced(
    where: str, signal: Signal, axis: int, limits: tuple[int, int, int], labels: Labels
) -> Signal | None:
    """The elements of a Slice from `limits`: start, end, step; None where the axis holds something else."""
    known = of_elements(signal, axis, labels)
    size = None if known is None else labels.size(known.axes[axis])
    if size is None:
        return None
    return some_elements(where, signal, axis, [*range(size)[slice(*limits)]], labels)


def parted(
    where: str, attributes: dict, given: list, outputs: int, labels: Labels
) -> list[Signal] | None:
    """The signals of a Split of the elements of a frame; None where it parts something else."""
    signal = given[0]
    if not isinstance(signal, Signal):
        return None
    axis = int(attributes.get("axis", 0)) % len(signal.axes)
    known = of_elements(signal, axis, labels)
    size = None if known is None else labels.size(known.axes[axis])
    if size is None:
        return None
    sizes = given[1] if len(given) > 1 and given[1] is not None else attributes.get("split")
    if sizes is None:
        each = -(-size // outputs)
        sizes = [min(each, size - i * each) for i in range(outputs)]
    counts = [int(n) for n in np.asarray(sizes).reshape(-1)]
    if len(counts) != outputs or sum(counts) != size or min(counts) < 1:
        raise DesignError(f"{where}: parts {size} elements of a frame into {counts}")
    starts = np.cumsum([0, *counts])
    parts = (
        some_elements(where, signal, axis, range(start, start + count), labels)
        for start, count in zip(starts.tolist(), counts, strict=False)
    )
    return [part for part in parts if part is not None]
