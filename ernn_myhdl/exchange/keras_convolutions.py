"""Convolutions of Keras over frames, as windows and linear layers."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.convolutions import CAUSAL, kernel_matrix
from ernn_myhdl.exchange.graph import Operation, Unsupported, Windows
from ernn_myhdl.exchange.keras_activations import activation, single
from ernn_myhdl.exchange.keras_layer import KerasLayer, units_of


def linear_layer(layer: KerasLayer, kernel: np.ndarray, bias: np.ndarray) -> list[Operation]:
    """A linear layer and its activation. kernel: (inputs, outputs)."""
    weights = {"input_weight": kernel.T[None], "bias": bias[None]}
    return [
        DenseLayer(layer.name, "linear", weights),
        *activation(layer),
    ]


def conv1d(layer: KerasLayer) -> list[Operation]:
    filters, groups = units_of(layer, "filters"), layer.option("groups", 1)
    if not isinstance(groups, int) or groups < 1 or filters % groups:
        raise DesignError(f"{layer.where}: groups = {short(repr(groups))}, must divide {filters}")
    windows = _windows(layer, groups)
    if isinstance(windows, Unsupported):
        return [windows]
    rows = None if layer.size is None else layer.size // groups
    given = layer.array(0, "kernel", (windows.kernel, rows, filters))
    return _over_frames(layer, windows, kernel_matrix(given, groups).T, 1)


def depthwise_conv1d(layer: KerasLayer) -> list[Operation]:
    windows = _windows(layer, layer.size or 1)
    if isinstance(windows, Unsupported):
        return [windows]
    return _over_frames(layer, windows, _depthwise(layer, windows).T, 1)


def separable_conv1d(layer: KerasLayer) -> list[Operation]:
    """A convolution of every element by itself and one of single frames, which are one matrix."""
    filters, windows = units_of(layer, "filters"), _windows(layer, 1)
    if isinstance(windows, Unsupported):
        return [windows]
    depthwise = _depthwise(layer, windows)
    pointwise = layer.array(1, "pointwise_kernel", (1, len(depthwise), filters))[0]
    return _over_frames(layer, windows, depthwise.T @ pointwise, 2)


def _depthwise(layer: KerasLayer, windows: Windows) -> np.ndarray:
    """The matrix of a depthwise kernel (kernel, inputs, outputs of each)."""
    given = layer.array(0, "kernel", (windows.kernel, layer.size, None))
    return kernel_matrix(given.reshape(len(given), 1, -1), given.shape[1])


def _over_frames(
    layer: KerasLayer, windows: Windows, kernel: np.ndarray, index: int
) -> list[Operation]:
    """Windows and a linear layer on them. kernel: (kernel x inputs, outputs). index: of the bias among the arrays."""
    count = kernel.shape[1]
    bias = (
        layer.array(index, "bias", (count,)) if layer.option("use_bias", True) else np.zeros(count)
    )
    alone = windows.kernel == windows.stride == 1
    return [*([] if alone else [windows]), *linear_layer(layer, kernel, bias)]


def _windows(layer: KerasLayer, groups: int) -> Windows | Unsupported:
    """The windows of a convolution, which must be causal."""
    if layer.option("data_format", "channels_last") != "channels_last":
        raise layer.refuse("has its channels first", "train with data_format='channels_last'")
    numbers = []
    for name in ("kernel_size", "dilation_rate", "strides"):
        value = single(layer.option(name, 1))
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
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
    return Windows(kernel, dilation, stride, bool(before) or not reach, groups)
