"""Functions of a graph as activations of the linear layers before them, or as joins of their own.

A function becomes part of the linear layer that it follows, with nothing but choices of frames between. Behind anything else it is an
`ElementWise`. What neither computes stays where it is and is refused by its name, or is the host's.

    kind of the graph                    parameters                              activation of the layer
    relu, relu6                          max_value, negative_slope, threshold    relu, with its limit; leaky_relu
    leaky_relu                           alpha or negative_slope                 leaky_relu
    clip                                 min, max                                relu from 0 on, hard_tanh where both limits are equal
    tanh, sigmoid, hard_tanh                                                     the same
    hard_sigmoid                         alpha, beta: alpha x + beta             hard_sigmoid, beta - 1/2 being in the bias
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ernn_myhdl.design.cells.activations import LEAST_SLOPE, WITH_LIMIT, check_activation
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import Function, LastFrame, Node, layer_of, nodes_before
from ernn_myhdl.exchange.sharing import consumers, is_shared


@dataclass(frozen=True)
class LayerFunction:
    """activation, slope, limit: of a linear layer. offset: that is added to the sums before."""

    activation: str
    slope: float = 0.0
    limit: float = 0.0
    offset: float = 0.0


class NotOfLayers(Exception):
    """A function that a linear layer computes for other parameters only; its text says which."""


def with_activations(outputs: Sequence[Node], left: Collection[Node] = ()) -> list[Node]:
    """The outputs with every function in the linear layer before it that computes it.

    left: functions that stay, since the host computes them.
    """
    made: dict[int, Node] = {}
    counts = consumers(outputs)
    for node in nodes_before(outputs):
        inputs = tuple(made[id(n)] for n in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        moved = node if same else replace(node, inputs=inputs)
        # of a signal that is an output or that others take too the function is a join: in the layer it would cost a second one
        stays = node in left or (
            isinstance(node.operation, Function)
            and is_shared(node.input, counts)
            and element_wise(node, "x") is not None
        )
        made[id(node)] = moved if stays else _activated(moved)
    return [made[id(node)] for node in outputs]


def _activated(node: Node) -> Node:
    """A function behind a linear layer as part of it; any other node as it is."""
    function = node.operation
    if not isinstance(function, Function):
        return node
    chosen: list[Node] = []
    before = node.input
    while isinstance(before.operation, LastFrame):
        chosen.append(before)
        before = before.input
    layer = layer_of(before)
    if layer is None or layer.kind != "linear" or layer.activation != "none":
        return node
    try:
        known = layer_function(function)
    except NotOfLayers:
        return node
    if known is None:
        return node
    made = replace(before, operation=_with(layer, known))
    for choice in reversed(chosen):
        made = replace(choice, inputs=(made,))
    return made


def _with(layer: DenseLayer, known: LayerFunction) -> DenseLayer:
    weights = layer.weights
    if known.offset:
        weights = weights | {"bias": weights["bias"].astype(np.float64) + known.offset}
    return replace(
        layer, weights=weights, activation=known.activation, slope=known.slope, limit=known.limit
    )


def layer_function(function: Function) -> LayerFunction | None:
    """What a linear layer computes for a function; None where no layer computes it.

    Raises `NotOfLayers` where one does for other parameters.
    """
    given, kind = dict(function.parameters), function.kind
    if kind in ("tanh", "sigmoid"):
        return LayerFunction(kind)
    if kind in ("hard_tanh", "hardtanh"):
        return LayerFunction("hard_tanh", limit=1.0)
    if kind in ("relu", "relu6"):
        most = given.get("max_value", 6.0 if kind == "relu6" else 0.0)
        return _relu(given.get("negative_slope", 0.0), most, given.get("threshold", 0.0))
    if kind == "leaky_relu":
        return _relu(given.get("alpha", given.get("negative_slope", 0.01)), 0.0, 0.0)
    if kind == "clip":
        return _clip(given.get("min", -math.inf), given.get("max", math.inf))
    if kind == "hard_sigmoid":
        slope, offset = given["alpha"], given["beta"]
        if slope > 0:
            return _checked(LayerFunction(kind, slope, offset=(offset - 0.5) / slope))
        raise NotOfLayers(f"its slope is {slope:g}, must be above 0")
    return None


def element_wise(node: Node, source: str) -> ElementWise | None:
    """A function that no layer computes as a join of a signal, whose name is `source`; None where a core has none for it."""
    if not isinstance(node.operation, Function):
        return None
    try:
        known = layer_function(node.operation)
    except NotOfLayers:
        return None
    if known is None or known.offset or known.activation == "none":
        return None
    return ElementWise(
        inputs=(source,), activation=known.activation, slope=known.slope, limit=known.limit
    )


def _relu(slope: float, most: float, threshold: float) -> LayerFunction:
    if threshold:
        raise NotOfLayers(f"its threshold is {threshold:g}, must be 0")
    if not slope:
        return _checked(LayerFunction("relu", limit=most if math.isfinite(most) else 0.0))
    if most and math.isfinite(most):
        raise NotOfLayers("it has a slope and a limit, of which a layer has one")
    if slope == 1.0:
        return LayerFunction("none")
    if not LEAST_SLOPE <= slope < 1.0:
        raise NotOfLayers(f"its slope is {slope:g}, must be {LEAST_SLOPE:g} or more and below 1")
    return _checked(LayerFunction("leaky_relu", slope))


def _clip(low: float, high: float) -> LayerFunction:
    if low == 0.0 and high > 0.0:
        return _checked(LayerFunction("relu", limit=high if math.isfinite(high) else 0.0))
    if low == -high and 0.0 < high < math.inf:
        return _checked(LayerFunction("hard_tanh", limit=high))
    raise NotOfLayers(
        f"its limits are {low:g} and {high:g}; must be 0 and any, or one number and its negative"
    )


def _checked(known: LayerFunction) -> LayerFunction:
    try:
        check_activation(known.activation, known.slope, known.limit)
    except DesignError as error:
        raise NotOfLayers(str(error)) from error
    return known


def function_of(layer: DenseLayer | ElementWise) -> tuple[str, dict[str, float]] | None:
    """The operator of ONNX that computes the activation of a linear layer or of a join, and its attributes; None where there is none.

    The limits of a Clip are inputs there: "min" and "max" here.
    """
    name, most = layer.activation, layer.limit or WITH_LIMIT.get(layer.activation, 0.0)
    if name == "relu" and most:
        return "Clip", {"min": 0.0, "max": most}
    return {
        "none": None,
        "relu": ("Relu", {}),
        "leaky_relu": ("LeakyRelu", {"alpha": layer.slope}),
        "tanh": ("Tanh", {}),
        "sigmoid": ("Sigmoid", {}),
        "hard_sigmoid": ("HardSigmoid", {"alpha": layer.slope, "beta": 0.5}),
        "hard_tanh": ("Clip", {"min": -most, "max": most}),
    }[name]
