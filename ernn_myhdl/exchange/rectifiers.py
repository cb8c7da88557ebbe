"""Functions that a core computes as ReLUs of a signal and sums with it.

limits from below, above or both    low + relu(x - low) with the limit high - low;  high - relu(high - x)
slopes beyond those of a layer      a x + (1 - a) relu(x), below zero relu(x) + relu(a x), as of |x|; one for each element
the larger, the smaller of two      a + relu(b - a),  a - relu(a - b)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.design.cells.activations import LEAST_SLOPE
from ernn_myhdl.exchange.graph import Function, Joined, Node, Operation, affine, nodes_before

_RELU = Function("relu")


def with_rectifiers(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with ReLUs and sums in the place of functions that no layer computes for their parameters."""
    made: dict[int, Node] = {}
    for node in nodes_before(outputs):
        node_of = _with_both_limits(node)
        inputs = tuple(made[id(n)] for n in node_of.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        moved = node if same else replace(node_of, inputs=inputs)
        made[id(node)] = _rectified(moved)
    return [made[id(node)] for node in outputs]


def _limits(operation: Operation) -> tuple[float, float]:
    given = dict(operation.parameters) if isinstance(operation, Function) else {}
    return given.get("min", -math.inf), given.get("max", math.inf)


def _with_both_limits(node: Node) -> Node:
    """Of a limit behind a limit both as one; any other node as it is."""
    while _is_clip(node) and _is_clip(node.input):
        (low, high), (first_low, first_high) = (
            _limits(node.operation),
            _limits(node.input.operation),
        )
        least, most = min(max(first_low, low), high), max(min(first_high, high), low)
        limits = [(n, v) for n, v in (("min", least), ("max", most)) if math.isfinite(v)]
        both = Function("clip", tuple(limits))
        node = replace(node, operation=both, inputs=node.input.inputs)
    return node


def _is_clip(node: Node) -> bool:
    return isinstance(node.operation, Function) and node.operation.kind == "clip"


def _rectified(node: Node) -> Node:
    """A function as ReLUs; any other node as it is."""
    function = node.operation
    if not isinstance(function, Function):
        return node
    given = dict(function.parameters)
    if function.kind == "clip":
        low, high = _limits(function)
        return limited(node.where, node.input, low, high, node)
    if function.kind == "abs" and not given:
        return sloped(node.where, node.input, np.array([-1.0]))
    if function.kind == "relu" and not given.get("threshold") and given.get("negative_slope"):
        below, most = given["negative_slope"], given.get("max_value", math.inf)
        leaky = replace(node, operation=Function("leaky_relu", (("negative_slope", below),)))
        return limited(node.where, _rectified(leaky), -math.inf, most)
    if function.kind == "leaky_relu":
        slope = given.get("alpha", given.get("negative_slope", 0.01))
        if math.isfinite(slope) and slope != 1.0 and not LEAST_SLOPE <= slope < 1.0:
            return sloped(node.where, node.input, np.array([slope]))
    return node


def limited(where: str, signal: Node, low: float, high: float, known: Node | None = None) -> Node:
    """A signal between two limits, of which one or both may be infinite. known: the node that limits it already, which stays where a
    layer computes it."""
    if math.isinf(low) and low < 0 and math.isinf(high) and high > 0:
        return signal
    if not (low < high and low < math.inf and high > -math.inf):  # NaN, or a constant
        return known or Node(Function("clip", (("min", low), ("max", high))), (signal,), where)
    if low == 0.0 or low == -high:
        return known or Node(Function("clip", (("min", low), ("max", high))), (signal,), where)
    if math.isinf(low):
        return _shifted(where, signal, -1.0, high, Function("clip", (("min", 0.0),)))
    limits = (("min", 0.0), *([("max", high - low)] if math.isfinite(high) else []))
    return _shifted(where, signal, 1.0, -low, Function("clip", limits))


def _shifted(where: str, signal: Node, sign: float, offset: float, function: Function) -> Node:
    """sign f(sign x + offset) - sign offset."""
    before = Node(affine(where, sign, offset, None), (signal,), where)
    inner = Node(function, (before,), where)
    return Node(affine(where, sign, -sign * offset, None), (inner,), where)


def sloped(where: str, signal: Node, slopes: np.ndarray) -> Node:
    """x above zero, x times its slope below. slopes: one, or one for each element of a frame."""
    if np.all(slopes == 0.0):
        return Node(_RELU, (signal,), where)
    if np.all(slopes == 1.0):
        return signal
    if np.all(slopes < 0.0):
        falling = Node(affine(where, slopes, 0.0, None), (signal,), where)
        both = tuple(Node(_RELU, (each,), where) for each in (signal, falling))
        return Node(Joined("addition"), both, where)
    positive = Node(affine(where, 1.0 - slopes, 0.0, None), (Node(_RELU, (signal,), where),), where)
    rest = Node(affine(where, slopes, 0.0, None), (signal,), where)
    return Node(Joined("addition"), (rest, positive), where)


def extreme(where: str, first: Node, second: Node, largest: bool) -> Node:
    """The larger or the smaller of two signals, element by element."""
    more, less = (second, first) if largest else (first, second)
    negative = Node(affine(where, -1.0, 0.0, None), (less,), where)
    beyond = Node(_RELU, (Node(Joined("addition"), (more, negative), where),), where)
    if not largest:
        beyond = Node(affine(where, -1.0, 0.0, None), (beyond,), where)
    return Node(Joined("addition"), (first, beyond), where)
