"""Convolutions over frames that a file has as those of pictures, one of whose axes has a single element, as tf2onnx writes Conv1D."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ernn_myhdl.exchange.onnx_values import Labels, Signal

_EACH = ("strides", "dilations", "kernel_shape")


def of_one_axis(
    attributes: dict[str, Any], given: list, labels: Labels,
    convolution: Callable[[dict[str, Any], list], Signal | None],
) -> Signal | None:  # fmt: skip
    """What a Conv over two axes gives, of which one has a single element in the signal and in the kernel; None for another.

    convolution: the same of one axis, of its attributes and inputs.
    """
    signal, kernel = given[:2]
    if not (isinstance(signal, Signal) and isinstance(kernel, np.ndarray)):
        return None
    if kernel.ndim != 4 or len(signal.axes) != 4:
        return None
    for place in (0, 1):
        pads = list(attributes.get("pads") or [0] * 4)
        single = labels.size(signal.axes[2 + place]) == 1 and kernel.shape[2 + place] == 1
        if not single or len(pads) != 4 or pads[place] or pads[2 + place]:
            continue
        left = 1 - place
        own = {k: [v[left]] if k in _EACH and len(v) == 2 else v for k, v in attributes.items()}
        own["pads"] = [pads[left], pads[2 + left]]
        flat = signal.moved(axis for i, axis in enumerate(signal.axes) if i != 2 + place)
        made = convolution(own, [flat, np.squeeze(kernel, 2 + place), *given[2:]])
        if made is None:
            return None
        axes = list(made.axes)
        axes.insert(2 + place, labels.new(1))
        return made.moved(axes)
    return None
