"""Activations as Keras names them: functions of a layer's configuration, and layers of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.graph import Function, Operation, Unsupported

if TYPE_CHECKING:
    from ernn_myhdl.exchange.keras_layer import KerasLayer


def single(value: Any) -> Any:
    """The number of a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


#: Of hard_sigmoid, by the first number of the version of Keras: its slope.
_HARD_SIGMOID = {"1": 0.2, "2": 0.2, "3": 1 / 6}


def activation(layer: KerasLayer) -> list[Operation]:
    """The operations of the activation that a layer's configuration names."""
    given = layer.option("activation")
    if isinstance(given, dict):  # {"class_name": "function", "config": "relu"}, or a layer
        module, kind = given.get("module"), given.get("class_name")
        of_keras = isinstance(module, str) and module.startswith(("keras.", "tensorflow.", "tf_keras."))  # fmt: skip
        if kind in _LAYERS and of_keras and not given.get("registered_name"):
            return _LAYERS[kind](replace(layer, config=given.get("config") or {}))
        known = given.get("registered_name") in (None, "") and given.get("module") in (None, "builtins", "keras.activations")  # fmt: skip
        given = given.get("config") if known else given.get("registered_name") or given.get("class_name")  # fmt: skip
        if not known or not isinstance(given, str):
            return [Unsupported(f"has an activation of its own, {short(repr(given))}, which is not run", "use one of Keras")]  # fmt: skip
    if given is None or given == "linear":
        return []
    if not isinstance(given, str):
        raise DesignError(f"{layer.where}: activation = {short(repr(given))}, must be a name")
    if given == "leaky_relu":  # the function's slope, not that of the layer
        return [Function(given, (("negative_slope", 0.2),))]
    if given == "hard_sigmoid":
        return [_hard_sigmoid(layer)]
    return [Function(given)]


def _hard_sigmoid(layer: KerasLayer) -> Operation:
    """x / 6 + 1/2 in Keras 3, 0.2 x + 1/2 before, each limited to 0 .. 1."""
    slope = _HARD_SIGMOID.get(layer.version.partition(".")[0])
    if slope is not None:
        return Function("hard_sigmoid", (("alpha", slope), ("beta", 0.5)))
    told = f"is {short(repr(layer.version))}" if layer.version else "is not told by the file"
    return Unsupported(
        f"computes hard_sigmoid, which is x / 6 + 1/2 in Keras 3 and 0.2 x + 1/2 before, and the version of Keras {told}",
        "save the whole model with model.save('model.keras'), which notes the version",
    )


def relu(layer: KerasLayer) -> list[Operation]:
    """A layer ReLU."""
    options = {n: single(layer.option(n)) for n in ("max_value", "negative_slope", "threshold")}
    given = tuple((n, float(v)) for n, v in options.items() if v not in (None, 0, 0.0))
    return [Function("relu", given)]


def leaky_relu(layer: KerasLayer) -> list[Operation]:
    """A layer LeakyReLU."""
    slope = single(layer.option("negative_slope", layer.option("alpha", 0.3)))
    return [Function("leaky_relu", (("negative_slope", float(slope)),))]


def softmax(layer: KerasLayer) -> list[Operation]:
    """A layer Softmax, whose axis is checked elsewhere."""
    return [Function("softmax")]


#: Those that Keras takes as the activation of another layer too.
_LAYERS: dict[str, Callable[[KerasLayer], list[Operation]]] = {
    "ReLU": relu, "LeakyReLU": leaky_relu, "Softmax": softmax,
}  # fmt: skip
