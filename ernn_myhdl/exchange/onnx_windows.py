"""Windows and linear layers on them, and layers with groups, as the Conv nodes of an ONNX graph."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.joins import Window
from ernn_myhdl.exchange.onnx_steps import OnnxBuilder


def add_convolution(
    builder: OnnxBuilder, name: str, layer: DenseLayer, window: Window | None, x: str
) -> str:
    """The sums of a linear layer behind a window of (frames, batch, elements), or of a layer of single frames."""
    kernel, dilation = (window.kernel, window.dilation) if window else (1, 1)
    weight = builder.constant(f"{name}_weight", convolution_kernel(layer, kernel))
    bias = builder.constant(f"{name}_bias", layer.weights["bias"][0])
    before = (kernel - 1) * dilation if window and window.padding else 0
    turned = builder.node("Transpose", [x], f"{name}_x", perm=[1, 2, 0])
    sums = builder.node(
        "Conv", [turned, weight, bias], f"{name}_convolved", kernel_shape=[kernel], dilations=[dilation],
        strides=[window.stride if window else 1], pads=[before, 0], group=layer.groups,
    )  # fmt: skip
    return builder.node("Transpose", [sums], f"{name}_sums", perm=[2, 0, 1])


def convolution_kernel(layer: DenseLayer, kernel: int) -> np.ndarray:
    """The kernel (outputs, elements of a group, frames) of the matrix of a layer, the oldest frame first in both."""
    taps = layer.weights["input_weight"][0].reshape(layer.hidden, kernel, layer.groups, -1)
    group = np.arange(layer.hidden) * layer.groups // layer.hidden
    return taps[np.arange(layer.hidden), :, group].swapaxes(1, 2)
