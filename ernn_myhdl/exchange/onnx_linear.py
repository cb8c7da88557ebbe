"""MatMul, Gemm, Add and Conv of one frame as linear layers, and the projection that follows an LSTM."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import Node, layer_of
from ernn_myhdl.exchange.onnx_convolution import convolution as over_frames
from ernn_myhdl.exchange.onnx_features import taking_features, vector_of_features
from ernn_myhdl.exchange.onnx_values import Labels, Signal
from ernn_myhdl.exchange.recurrent_kinds import OF_CELL, OPERATORS


def linear(
    where: str, name: str, kind: str, attributes: dict, given: list, labels: Labels
) -> Signal:
    """The signal after a node; kind: MatMul, Gemm, or Add of a MatMul's bias."""
    signal = next(v for v in given if isinstance(v, Signal))
    if kind == "Add":
        constant = next((v for v in given if isinstance(v, np.ndarray)), None)
        if constant is None or not is_linear(signal):
            raise DesignError(
                f"{where}: is not supported here, a constant may only be added as the bias of a MatMul"
            )
        return _biased(where, constant.astype(_type(constant)), signal, labels)
    if given[0] is not signal or not isinstance(given[1], np.ndarray) or given[1].ndim != 2:
        raise DesignError(f"{where}: must multiply a signal with a constant matrix")
    matrix, bias = given[1].astype(np.float64), None
    if kind == "Gemm":
        if attributes.get("transA", 0) or len(signal.axes) != 2:
            raise DesignError(f"{where}: transA and inputs of other than 2 axes are not supported")
        matrix = matrix.T if attributes.get("transB", 0) else matrix
        matrix = matrix * attributes.get("alpha", 1.0)
        if len(given) > 2 and given[2] is not None:
            if not isinstance(given[2], np.ndarray):
                raise DesignError(f"{where}: C must be a constant")
            bias = given[2].astype(_type(given[2])) * attributes.get("beta", 1.0)
    signal = taking_features(where, signal, labels)
    rows, columns = matrix.shape
    size = labels.size(signal.axes[-1])
    if not matrix.size or size not in (None, rows):
        raise DesignError(f"{where}: its matrix has shape {matrix.shape}, must have {size} rows")
    feature = labels.new(columns)
    after = replace(signal.moved((*signal.axes[:-1], feature)), feature=feature[0], factors=None)
    last = layer_of(signal.node)
    projects = last is not None and last.recurrent and OF_CELL[last.kind].projects
    if kind == "MatMul" and last is not None and signal.factors is not None and projects:
        if np.array_equal(signal.factors[1], given[1].T):
            return replace(after, node=_projected(signal.node, last, *signal.factors))
    weights = {"input_weight": matrix.T[None], "bias": np.zeros((1, columns))}
    layer = DenseLayer(name.strip("/") or "linear", "linear", weights)
    after = replace(after, node=Node(layer, (signal.node,), where))
    return after if bias is None else _biased(where, bias, after, labels)


def convolution(
    where: str, name: str, attributes: dict, given: list, labels: Labels
) -> Signal | None:
    """The signal after a Conv: of kernel 1 a linear layer along axis 1, over one axis of frames that of its windows; None for
    any other."""
    signal, kernel, *rest = given
    bias = rest[0] if rest else None
    if not isinstance(signal, Signal) or not isinstance(kernel, np.ndarray) or kernel.ndim < 3:
        return None
    if bias is not None and not isinstance(bias, np.ndarray):
        return None
    if not kernel.size:
        return None
    single = all(n == 1 for n in kernel.shape[2:]) and not signal.padded
    if kernel.ndim == 3 and not (single and _plain(attributes)):
        return over_frames(where, name, attributes, given, labels)
    if not single or any(n != 1 for n in attributes.get("strides", ())):
        return None
    if any(attributes.get("pads", ())) or attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):  # fmt: skip
        return None
    if len(signal.axes) != kernel.ndim:
        raise DesignError(f"{where}: W has {kernel.ndim} axes, X {len(signal.axes)}")
    outputs, each, groups = kernel.shape[0], kernel.shape[1], attributes.get("group", 1)
    if not isinstance(groups, int) or groups < 1 or outputs % groups:
        raise DesignError(f"{where}: group = {groups}, must divide {outputs}")
    matrix = np.zeros((groups * each, outputs))
    for i in range(groups):
        rows = slice(i * outputs // groups, (i + 1) * outputs // groups)
        matrix[i * each : (i + 1) * each, rows] = kernel[rows].reshape(-1, each).T
    channels = signal.axes[1]
    turned = signal.moved((signal.axes[0], *signal.axes[2:], channels))
    after = linear(where, name, "MatMul", {}, [turned, matrix], labels)
    layer = layer_of(after.node)
    if layer is not None and layer.kind == "linear":
        grouped = replace(layer, groups=groups)
        after = replace(after, node=replace(after.node, operation=grouped))
    if bias is not None:
        after = _biased(where, bias.astype(_type(bias)), after, labels)
    first, *others, feature = after.axes
    return after.moved((first, feature, *others))


def _plain(attributes: dict) -> bool:
    """Whether a Conv has neither a stride nor a padding."""
    strides, pads = attributes.get("strides") or (), attributes.get("pads") or ()
    return all(n == 1 for n in strides) and not any(pads)


def _type(array: np.ndarray):
    """Floating-point constants are computed with in float64; others are refused later by their type."""
    return np.float64 if array.dtype.kind == "f" else array.dtype


def _biased(where: str, constant: np.ndarray, signal: Signal, labels: Labels) -> Signal:
    """The signal with a constant added to the bias of its last layer."""
    bias, signal = vector_of_features(where, constant, signal, labels)
    layer = layer_of(signal.node)
    assert layer is not None  # `is_linear`
    weights = layer.weights | {"bias": layer.weights["bias"] + bias}
    return replace(signal, node=replace(signal.node, operation=replace(layer, weights=weights)))


def is_linear(signal: Signal) -> bool:
    """Whether a signal comes from a linear layer, with nothing but moved axes in between."""
    layer = layer_of(signal.node)
    return layer is not None and not layer.recurrent


def _projected(
    node: Node, layer: DenseLayer, recurrent: np.ndarray, projection: np.ndarray
) -> Node:
    """The node of a layer with its output multiplied by its projection; both are factors of its R."""
    hidden = layer.hidden
    order = list(OPERATORS["LSTM"].order)
    weights = layer.weights | {
        "recurrent_weight": recurrent.reshape(4, hidden, -1)[order],
        "projection_weight": projection,
    }
    initial = layer.initial
    if initial:
        initial = initial | {"output": projection @ initial["output"]}
    return replace(node, operation=replace(layer, weights=weights, initial=initial))
