"""Convolutions of Keras over frames, as windows and linear layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.convolutions import CAUSAL, kernel_matrix
from ernn_myhdl.exchange.graph import Operation, Unsupported, Windows
from ernn_myhdl.exchange.keras_activations import activation, single
from ernn_myhdl.exchange.keras_layer import KerasLayer, units_of
from ernn_myhdl.whole_numbers import is_whole


def linear_layer(
    layer: KerasLayer, kernel: np.ndarray, bias: np.ndarray, groups: int = 1, taps: int = 1
) -> list[Operation]:
    """A linear layer and its activation. kernel: (inputs, outputs)."""
    return [_linear(layer, kernel, bias, groups, taps), *activation(layer)]


def _linear(
    layer: KerasLayer, kernel: np.ndarray, bias: np.ndarray, groups: int, taps: int
) -> DenseLayer:
    weights = {"input_weight": kernel.T[None], "bias": bias[None]}
    taps = taps if groups > 1 else 1
    return DenseLayer(layer.name, "linear", weights, groups=groups, taps=taps)


def conv1d(layer: KerasLayer) -> list[Operation]:
    filters, groups = units_of(layer, "filters"), layer.option("groups", 1)
    if not is_whole(groups) or groups < 1 or filters % groups:
        raise DesignError(f"{layer.where}: groups = {short(repr(groups))}, must divide {filters}")
    windows = _windows(layer)
    if isinstance(windows, Unsupported):
        return [windows]
    rows = None if layer.size is None else layer.size // groups
    given = layer.array(0, "kernel", (windows.kernel, rows, filters))
    return _over_frames(layer, windows, kernel_matrix(given, groups).T, 1, groups)


def depthwise_conv1d(layer: KerasLayer) -> list[Operation]:
    windows = _windows(layer)
    if isinstance(windows, Unsupported):
        return [windows]
    kernel, groups = _depthwise(layer, windows)
    return _over_frames(layer, windows, kernel, 1, groups)


def separable_conv1d(layer: KerasLayer) -> list[Operation]:
    """A convolution of every element by itself, and a linear layer behind it."""
    filters, windows = units_of(layer, "filters"), _windows(layer)
    if isinstance(windows, Unsupported):
        return [windows]
    kernel, groups = _depthwise(layer, windows)
    each = kernel.shape[1]
    depthwise = _linear(layer, kernel, np.zeros(each), groups, windows.kernel)
    pointwise = layer.array(1, "pointwise_kernel", (1, each, filters))[0]
    alone = windows.kernel == windows.stride == 1
    behind = linear_layer(layer, pointwise, _bias(layer, 2, filters))
    return [
        *([] if alone else [windows]),
        replace(depthwise, name=f"{layer.name}_depthwise"),
        *behind,
    ]


def _depthwise(layer: KerasLayer, windows: Windows) -> tuple[np.ndarray, int]:
    """The matrix (kernel x inputs, outputs) of a depthwise kernel (kernel, inputs, outputs of each), and its groups."""
    given = layer.array(0, "kernel", (windows.kernel, layer.size, None))
    groups = given.shape[1]
    return kernel_matrix(given.reshape(len(given), 1, -1), groups).T, groups


def _bias(layer: KerasLayer, index: int, count: int) -> np.ndarray:
    """The bias of a layer, number `index` of its arrays; zeros where it has none."""
    if layer.option("use_bias", True):
        return layer.array(index, "bias", (count,))
    return np.zeros(count)


def _over_frames(
    layer: KerasLayer, windows: Windows, kernel: np.ndarray, index: int, groups: int
) -> list[Operation]:
    """Windows and a linear layer on them. kernel: (kernel x inputs, outputs). index: of the bias among the arrays."""
    bias = _bias(layer, index, kernel.shape[1])
    alone = windows.kernel == windows.stride == 1
    layers = linear_layer(layer, kernel, bias, groups, windows.kernel)
    return [*([] if alone else [windows]), *layers]


def _windows(layer: KerasLayer) -> Windows | Unsupported:
    """The windows of a convolution, which must be causal."""
    if layer.option("data_format", "channels_last") != "channels_last":
        raise layer.refuse("has its channels first", "train with data_format='channels_last'")
    numbers = []
    for name in ("kernel_size", "dilation_rate", "strides"):
        value = single(layer.option(name, 1))
        if not is_whole(value) or value < 1:
            raise DesignError(f"{layer.where}: {name} = {short(repr(value))}, must be 1 or more")
        numbers.append(value)
    kernel, dilation, stride = numbers
    padding, reach = layer.option("padding", "valid"), (kernel - 1) * dilation
    what = f"is a convolution over frames (kernel_size {kernel}, padding {short(repr(padding))})"
    if padding not in ("causal", "valid") and kernel > 1:
        return Unsupported(what, f"it needs frames that come later: train with padding='causal', or {CAUSAL}")  # fmt: skip
    before = layer.padded + (reach if padding == "causal" else 0)
    if before not in (0, reach):
        return Unsupported(
            f"{what} of a signal that is padded by {before} frames, its kernel reaches {reach}",
            CAUSAL,
        )
    return Windows(kernel, dilation, stride, bool(before) or not reach)
