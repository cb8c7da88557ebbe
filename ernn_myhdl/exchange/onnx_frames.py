"""Operators over the frames of a signal: maximum, mean and sum over them, and a frame that is repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import LastFrame, Node, Pooled, Repeated, affine
from ernn_myhdl.exchange.onnx_values import Labels, Signal, Sizes

_REDUCTIONS = {
    "ReduceMin": "minimum",
    "ReduceMax": "maximum",
    "ReduceMean": "mean",
    "ReduceSum": "sum",
}
_POOLS = {"GlobalMaxPool": "maximum", "GlobalAveragePool": "mean"}
_UNPADDED = ("NOTSET", "VALID", b"NOTSET", b"VALID")
#: Pools with a kernel, which must hold all frames.
_KERNELS = {"MaxPool": "maximum", "AveragePool": "mean"}


def frame_signal(
    where: str, kind: str, attributes: dict, given: list, labels: Labels
) -> Signal | None:
    """The signal behind an operator over frames; None where it is something else.

    Raises DesignError where it takes other than all frames of each sequence together.
    """
    signal = given[0] if given else None
    if not isinstance(signal, Signal):
        return None
    if kind in _REDUCTIONS:
        return _reduced(where, kind, attributes, given, labels)
    if kind in _POOLS:
        return _pooled(where, _POOLS[kind], signal, [*range(2, len(signal.axes))], True, labels)
    if kind in _KERNELS:
        return _pooled_by_kernel(where, _KERNELS[kind], attributes, signal, labels)
    if kind in _REPEATING:
        return _REPEATING[kind](where, given, labels)
    return None


def _reduced(where: str, kind: str, attributes: dict, given: list, labels: Labels) -> Signal | None:
    signal = given[0]
    axes = given[1] if len(given) > 1 and given[1] is not None else attributes.get("axes")
    if axes is None:
        return None
    chosen = [int(a) % len(signal.axes) for a in np.asarray(axes).reshape(-1)]
    return _pooled(
        where, _REDUCTIONS[kind], signal, chosen, bool(attributes.get("keepdims", 1)), labels
    )


def refused_pool(where: str, kind: str, what: str) -> DesignError:
    """The error for a pool that takes other than all frames together. kind: maximum or mean. what: it does."""
    other = "; a mean of a few frames is a causal Conv1d with constant weights" * (kind == "mean")
    return DesignError(
        f"{where}: {what}; may only take the {kind} of all frames of a sequence, output size 1{other}"
    )


def kernel_note(where: str, kind: str, attributes: dict) -> str | None:
    """What a user should know of a maximum that a kernel limits in the model; a mean is refused sequences of other lengths."""
    if kind != "MaxPool":
        return None
    return (
        f"{where}: its kernel holds all {attributes['kernel_shape'][-1]} frames that the model was traced with; the core takes "
        "the maximum of all frames of a sequence, however many"
    )


def _pooled_by_kernel(
    where: str, kind: str, attributes: dict, signal: Signal, labels: Labels
) -> Signal | None:
    kernel = [int(n) for n in attributes["kernel_shape"]]
    if len(kernel) > len(signal.axes):
        return None
    chosen = [*range(len(signal.axes) - len(kernel), len(signal.axes))]
    sizes = [labels.size(signal.axes[i]) for i in chosen]
    if any(attributes.get("pads") or ()) or attributes.get("auto_pad", "NOTSET") not in _UNPADDED:
        raise refused_pool(where, kind, "pads the ends of sequences")
    if None in sizes:
        raise refused_pool(
            where, kind, f"takes {kernel[-1]} frames at a time of sequences of any length"
        )
    if kernel != sizes or any(n != 1 for n in attributes.get("dilations") or ()):
        raise refused_pool(where, kind, f"takes {kernel[-1]} of {sizes[-1]} frames at a time")
    return _pooled(where, kind, signal, chosen, True, labels)


def _pooled(
    where: str, kind: str, signal: Signal, chosen: list[int], keeps: bool, labels: Labels
) -> Signal | None:
    if len(chosen) > 1:  # with axes of one element beside that of the frames
        single = [i for i in chosen if labels.size(signal.axes[i]) == 1]
        wide = [i for i in chosen if i not in single or signal.frame in signal.axes[i]]
        gone = [i for i in chosen if i not in wide]
        if len(wide) != 1:
            return None
        if not keeps:
            axes = [axis for i, axis in enumerate(signal.axes) if i not in gone]
            wide = [i - sum(g < i for g in gone) for i in wide]
            signal = signal.moved(axes)
        chosen = wide
    if len(chosen) != 1 or signal.last:
        return None
    (place,) = chosen
    axis = signal.axes[place]
    core = labels.core(axis) or axis
    frame = signal.frame
    if frame is None and len(core) == 1 and core[0] in labels.inputs and core[0] != signal.feature:
        frame = core[0]  # nothing before has told which axis holds the frames
    if frame is None or core != (frame,):
        norm = kind == "mean" and frame is not None and core == (signal.feature,)
        raise DesignError(
            f"{where}: is over {labels.meaning(axis, signal)}{', as in a layer normalisation' * norm}; may only be over all frames of "
            f"a sequence{'; train with BatchNorm, which is folded into the weights' * norm}"
        )
    source = signal.node
    if kind == "minimum":  # of all elements: the largest of their negatives
        source = Node(affine(where, -1.0, 0.0, None), (source,), where)
    node = Node(
        Pooled("maximum" if kind == "minimum" else kind, labels.size(axis)), (source,), where
    )
    if kind == "minimum":
        node = Node(affine(where, -1.0, 0.0, None), (node,), where)
    rest = [*signal.axes[:place], *([labels.new(1)] if keeps else []), *signal.axes[place + 1 :]]
    return replace(signal.moved(rest), node=node, frame=frame, last=True)


def _expanded(where: str, given: list, labels: Labels) -> Signal | None:
    """Expand: sizes of one element become others."""
    signal, wanted = given[0], given[1]
    entries = list(wanted.entries) if isinstance(wanted, Sizes) else np.asarray(wanted).tolist()
    if len(entries) != len(signal.axes):
        return None
    counts = []
    for axis, entry in zip(signal.axes, entries, strict=True):
        size = labels.size(axis)
        counts.append(int(entry) if size == 1 and isinstance(entry, int | np.integer) else 1)
    return _repeated(where, signal, counts, labels)


def _tiled(where: str, given: list, labels: Labels) -> Signal | None:
    signal = given[0]
    if not isinstance(given[1], np.ndarray) or given[1].size != len(signal.axes):
        return None
    return _repeated(where, signal, [int(n) for n in given[1].reshape(-1)], labels)


def _repeated(where: str, signal: Signal, counts: list[int], labels: Labels) -> Signal | None:
    places = [i for i, n in enumerate(counts) if n != 1]
    if not places:
        return signal
    (place, *more), frame = places, signal.frame
    if more or not signal.last or labels.size(signal.axes[place]) != 1 or frame is None:
        return None
    label = labels.new(counts[place])
    labels.frames_of[label[0]] = labels.frames_of.get(frame, frame)
    last = Node(LastFrame(), (signal.node,), where)
    node = Node(Repeated(counts[place]), (last,), where)
    axes = [*signal.axes[:place], label, *signal.axes[place + 1 :]]
    return replace(signal.moved(axes), node=node, frame=label[0], last=False)


_REPEATING: dict[str, Callable[[str, list, Labels], Signal | None]] = {
    "Expand": _expanded, "Tile": _tiled,
}  # fmt: skip
