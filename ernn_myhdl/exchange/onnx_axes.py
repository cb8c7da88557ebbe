"""Operators that move the axes of a signal and change none of its numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import Input, Node, WholeNumbers
from ernn_myhdl.exchange.onnx_convolution import cut, pad
from ernn_myhdl.exchange.onnx_parts import sliced, some_elements
from ernn_myhdl.exchange.onnx_refusals import REVERSED
from ernn_myhdl.exchange.onnx_values import Labels, Signal

# int32, int64, which hold the numbers of all rows.
_INTEGERS = (6, 7)


def _whole(where: str, name: str, value) -> list[int]:
    """A list of whole numbers, from an attribute or a constant input."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "i":
        return [int(n) for n in value.reshape(-1)]
    if isinstance(value, list | tuple) and all(isinstance(n, int) for n in value):
        return list(value)
    if isinstance(value, int):
        return [value]
    raise DesignError(f"{where}: {name} must be constant whole numbers")


def _axis(where: str, axis: int, count: int) -> int:
    if not -count <= axis < count:
        raise DesignError(f"{where}: axis {axis} of {count}")
    return axis % count


def _axes(where: str, attributes: dict, given: list):
    """The axes of Squeeze and Unsqueeze: an input, an attribute in older models, or None."""
    value = given[1] if len(given) > 1 else attributes.get("axes")
    return None if value is None else _whole(where, "axes", value)


def _same(where: str, attributes: dict, given: list, labels: Labels) -> Signal:
    return given[0]


def _dropout(where: str, attributes: dict, given: list, labels: Labels) -> Signal:
    if len(given) > 2 and given[2] is not None and np.any(given[2]):
        raise DesignError(f"{where}: is in training mode; export the model after model.eval()")
    return given[0]


def _cast(where: str, attributes: dict, given: list, labels: Labels) -> Signal:
    to = attributes.get("to")
    if to in _INTEGERS and isinstance(given[0].node.operation, Input | WholeNumbers):
        node = given[0].node
        node = node.input if isinstance(node.operation, WholeNumbers) else node
        return replace(given[0], node=Node(WholeNumbers(), (node,), where))
    if to not in (1, 10, 11, 16):  # float32, float16, float64, bfloat16
        raise DesignError(
            f"{where}: converts the signal to a type that is not floating point; cut the model before it"
        )
    return given[0]


def _transpose(where: str, attributes: dict, given: list, labels: Labels) -> Signal:
    signal = given[0]
    order = _whole(where, "perm", attributes.get("perm", list(range(len(signal.axes)))[::-1]))
    if sorted(order) != list(range(len(signal.axes))):
        raise DesignError(f"{where}: perm {order} does not fit {len(signal.axes)} axes")
    return signal.moved(signal.axes[i] for i in order)


def _squeeze(where: str, attributes: dict, given: list, labels: Labels) -> Signal:
    signal = given[0]
    chosen = _axes(where, attributes, given)
    if chosen is None:
        chosen = [i for i, axis in enumerate(signal.axes) if labels.size(axis) == 1]
    gone = {_axis(where, i, len(signal.axes)) for i in chosen}
    for i in gone:
        size = labels.size(signal.axes[i])
        if size is not None and size != 1:
            raise DesignError(f"{where}: axis {i} has {size} elements, must have 1")
    return signal.moved(axis for i, axis in enumerate(signal.axes) if i not in gone)


def _unsqueeze(where: str, attributes: dict, given: list, labels: Labels) -> Signal:
    signal = given[0]
    chosen = _axes(where, attributes, given)
    if chosen is None:
        raise DesignError(f"{where}: has no axes")
    count = len(signal.axes) + len(chosen)
    new = {_axis(where, i, count) for i in chosen}
    old = iter(signal.axes)
    return signal.moved(labels.new(1) if i in new else next(old) for i in range(count))


def _gather(where: str, attributes: dict, given: list, labels: Labels) -> Signal:
    """The last frame of every sequence, or the only element of an axis."""
    signal, indices = given[0], given[1]
    axis = _axis(where, attributes.get("axis", 0), len(signal.axes))
    index = _whole(where, "indices", indices)
    size = labels.size(signal.axes[axis])
    last = signal.axes[axis] == (signal.frame,)
    if index != [-1] and (size is None or index != [size - 1]) or not (last or size == 1):
        if not last and len(index) > 0:
            some = some_elements(where, signal, axis, index, labels)
            if some is not None and not np.ndim(indices):  # an element without its axis
                return some.moved(a for i, a in enumerate(some.axes) if i != axis)
            if some is not None and np.ndim(indices) == 1:
                return some
        raise _part_refused(where, signal, axis, labels)
    rest = list(signal.axes)
    rest[axis : axis + 1] = [labels.new(1)] * np.ndim(indices)
    return replace(signal.moved(rest), last=signal.last or last)


def _gather_nd(where: str, attributes: dict, given: list, labels: Labels) -> Signal:
    """A Gather along the first axis, as exporters write lists of numbers of another axis that they have moved there."""
    indices = given[1]
    one = isinstance(indices, np.ndarray) and indices.ndim > 0 and indices.shape[-1] == 1
    if not one or attributes.get("batch_dims", 0):
        raise DesignError(
            f"{where}: takes parts of several axes, or such that follow from x; take the last frame, y[:, -1], or elements of a frame by a "
            "constant list"
        )
    return _gather(where, {"axis": 0}, [given[0], indices[..., 0]], labels)


def _slice(where: str, attributes: dict, given: list, labels: Labels) -> Signal:
    """The last frame of every sequence, as an axis of one element, or all of an axis."""
    signal = given[0]
    names = ("starts", "ends", "axes", "steps")
    parts = dict(zip(names, given[1:], strict=False)) if len(given) > 1 else attributes
    starts, ends = (_whole(where, n, parts.get(n)) for n in ("starts", "ends"))
    axes, steps = parts.get("axes"), parts.get("steps")
    axes = list(range(len(starts))) if axes is None else _whole(where, "axes", axes)
    steps = [1] * len(starts) if steps is None else _whole(where, "steps", steps)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise DesignError(f"{where}: starts, ends, axes and steps differ in number")
    for start, end, number, step in zip(starts, ends, axes, steps, strict=True):
        axis = _axis(where, number, len(signal.axes))
        label, size = signal.axes[axis], labels.size(signal.axes[axis])
        if start == 0 and step == 1 and (less := cut(where, signal, axis, end, labels)):
            signal = less
            continue
        to_end = end >= (1 << 30 if size is None else size)
        if step == 1 and to_end and (start == 0 or size is not None and start <= -size):
            continue
        last = -1 if size is None else size - 1
        if step == 1 and to_end and start in (-1, last) and label == (signal.frame,):
            rest = [*signal.axes[:axis], labels.new(1), *signal.axes[axis + 1 :]]
            signal = replace(signal.moved(rest), last=True)
            continue
        some = sliced(where, signal, axis, (start, end, step), labels)
        if some is None and step < 0 and size != 1:
            raise DesignError(f"{where}: {REVERSED}")
        if some is None:
            raise _part_refused(where, signal, axis, labels)
        signal = some
    return signal


def _part_refused(where: str, signal: Signal, axis: int, labels: Labels) -> DesignError:
    """The error for some of an axis."""
    label = signal.axes[axis]
    if signal.feature is not None and labels.core(label) == (signal.feature,):
        return DesignError(
            f"{where}: takes an element of a frame without its axis; keep it, as x[..., 0:1] does"
        )
    loop = label == (signal.frame,) or signal.frame is None and len(signal.axes) > 1
    more = (
        "; where it is of a loop over the frames that an exporter has unrolled, import the module itself "
        "(`ernn_myhdl.import_module`), or of Keras the .keras file"
    )
    may = "may only take the last frame"
    if signal.frame is None:
        may += ", behind what tells that this axis holds frames (an LSTM, GRU, RNN or convolution); before it give the core that frame alone"
    return DesignError(
        f"{where}: takes some of {labels.meaning(label, signal)}; {may}{more * loop}"
    )


AXES_OPERATORS = {
    "Cast": _cast,
    "Dropout": _dropout,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Identity": _same,
    "Pad": pad,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
