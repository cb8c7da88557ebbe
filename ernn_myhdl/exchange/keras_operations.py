"""Operations of `keras.ops` in functional models, and layers that are several operations of a core.

Their classes are named as layers are, and are told apart by their module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.frames_out import is_over_time
from ernn_myhdl.exchange.graph import (
    Function,
    Joined,
    LookedUp,
    Node,
    Operation,
    Pooled,
    Selected,
    Unsupported,
    Windows,
    affine,
    nodes_before,
)
from ernn_myhdl.exchange.keras_activations import single
from ernn_myhdl.exchange.keras_layer import KerasLayer
from ernn_myhdl.exchange.onnx_refusals import REVERSED
from ernn_myhdl.exchange.rectifiers import sloped
from ernn_myhdl.whole_numbers import is_number

#: Functions of one signal, as `ernn_myhdl.exchange.graph.Function` names them.
_FUNCTIONS = {
    "Relu": "relu", "Relu6": "relu6", "Tanh": "tanh", "Sigmoid": "sigmoid", "HardTanh": "hard_tanh", "Silu": "silu", "HardSilu": "hard_silu",
    "Absolute": "abs", "Abs": "abs",
}  # fmt: skip
_REDUCTIONS = {"Mean": "mean", "Max": "maximum", "Min": "minimum", "Sum": "sum"}
#: Powers that products make.
POWERS = (2, 3, 4)


def of_keras_ops(module: Any) -> bool:
    """Whether a class is an operation of `keras.ops`, by the module that the file names."""
    return isinstance(module, str) and module.startswith(("keras.src.ops", "keras.ops"))


def operation(layer: KerasLayer, rank: int) -> list[Operation] | None:
    """What an operation of one signal does; None of one that is the same as a layer of its name. rank: axes of the signal."""
    kind = layer.kind
    if kind in _FUNCTIONS:
        return [Function(_FUNCTIONS[kind])]
    if kind in _REDUCTIONS:
        return _reduced(layer, _REDUCTIONS[kind], rank)
    made = _MAKERS.get(kind)
    if made is not None:
        return made(layer, rank)
    if kind == "Softmax":
        return None
    return [
        Unsupported(
            f"computes keras.ops.{kind.lower()}, which no core does",
            "relu, relu6, leaky_relu, tanh, sigmoid, hard_sigmoid, hard_tanh, silu, clip, absolute, square, power, maximum, minimum, negative, arithmetic, "
            "concatenate, mean, max, min and sum over the frames, and softmax, log_softmax and argmax at the end are; cut the model before or after it",
        )
    ]


def _leaky(layer: KerasLayer, rank: int) -> list[Operation]:
    slope = float(layer.option("negative_slope", 0.2))
    return [Function("leaky_relu", (("negative_slope", slope),))]


def _hard_sigmoid(layer: KerasLayer, rank: int) -> list[Operation]:
    return [Function("hard_sigmoid", (("alpha", 1 / 6), ("beta", 0.5)))]


def _clipped(layer: KerasLayer, rank: int) -> list[Operation]:
    limits = [("min", single(layer.option("x_min"))), ("max", single(layer.option("x_max")))]
    given = [(name, value) for name, value in limits if value is not None]
    if not all(isinstance(value, int | float) for _, value in given):
        raise DesignError(f"{layer.where}: its limits are {short(repr(limits))}, must be numbers")
    return [Function("clip", tuple((name, float(value)) for name, value in given))]


def _negative(layer: KerasLayer, rank: int) -> list[Operation]:
    return [affine(layer.where, -1.0, 0.0, layer.size)]


def _over_elements(layer: KerasLayer, rank: int) -> list[Operation]:
    axis = single(layer.option("axis", -1))
    if axis not in (-1, rank - 1):
        raise layer.refuse(
            f"works along axis {short(repr(axis))}, not along the elements of a frame, which are the last axis",
            "give it axis=-1",
        )
    return [Function("argmax" if layer.kind == "Argmax" else "log_softmax")]


def _reduced(layer: KerasLayer, kind: str, rank: int) -> list[Operation]:
    """Over the frames of a sequence."""
    axis = single(layer.option("axis"))
    if rank != 3 or axis not in (1, -2) or layer.option("initial") is not None:
        told = "all of a signal" if axis is None else f"axis {short(repr(axis))}"
        raise layer.refuse(
            f"is over {told}; a core takes the mean, the maximum, the minimum or the sum of the frames of a sequence, axis=1 of "
            "(batch, frames, elements)",
            "cut the model before it, and compute it on the core's outputs",
        )
    if kind != "minimum":
        return [Pooled(kind, layer.frames)]
    turned = affine(layer.where, -1.0, 0.0, layer.size)
    return [turned, Pooled("maximum", layer.frames), turned]


def _flipped(layer: KerasLayer, rank: int) -> list[Operation]:
    axis = single(layer.option("axis"))
    if axis in (-1, rank - 1) and layer.size is not None:
        return [Selected(tuple(range(layer.size))[::-1], layer.size)]
    raise DesignError(f"{layer.where}: {REVERSED}")


_MAKERS: dict[str, Callable[[KerasLayer, int], list[Operation]]] = {
    "LeakyRelu": _leaky, "HardSigmoid": _hard_sigmoid, "Clip": _clipped, "Negative": _negative, "Argmax": _over_elements,
    "LogSoftmax": _over_elements, "Flip": _flipped,
}  # fmt: skip


def prelu(layer: KerasLayer, signal: Node, rank: int) -> Node:
    """A layer PReLU, of one slope or of one for each element of a frame."""
    shape = (None, layer.size) if rank == 3 else (layer.size,)
    found = np.atleast_2d(np.asarray(layer.arrays[0], dtype=np.float64)) if layer.arrays else None
    one = found is not None and found.size == 1
    slopes = np.atleast_2d(layer.array(0, "alpha", (1,) * (rank - 1) if one else shape))
    if not np.all(slopes == slopes[:1]):
        raise layer.refuse(
            "has slopes of their own for every frame of a sequence, of which a core has one for each element",
            "train with shared_axes=[1]",
        )
    return sloped(layer.where, signal, slopes[0])


def power(where: str, signal: Node, exponent: Any) -> Node:
    """A signal to a whole power; DesignError of others."""
    if not is_number(exponent) or exponent not in POWERS:
        raise DesignError(
            f"{where}: takes the power {short(repr(exponent))}, a core multiplies: must be {', '.join(map(str, POWERS))}; compute it before or after "
            "the core"
        )
    square = Node(Joined("product"), (signal, signal), where)
    other = square if exponent == 4 else signal
    return square if exponent == 2 else Node(Joined("product"), (square, other), where)


def check_of_frames(where: str, kind: str, before: Node, made: Node, rank: int) -> None:
    """DesignError unless what a TimeDistributed model does with a frame is of that frame alone. rank: axes of its output."""
    known = set(map(id, nodes_before([before])))
    other = [
        node
        for node in nodes_before([made])
        if id(node) not in known
        and (is_over_time(node) or isinstance(node.operation, Windows | LookedUp))
    ]
    if other or rank != 2:
        raise DesignError(
            f"{where}: holds a {kind} that makes frames of a frame; may hold layers of the elements of a frame, as Dense"
        )
