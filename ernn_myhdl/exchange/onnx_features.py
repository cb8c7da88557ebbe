"""The axis of a signal that holds the elements of a frame: what a layer multiplies, what a bias is added to.

It is known by its label: a layer makes it, and the first layer takes one of the input's axes for it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_values import Labels, Signal


def taking_features(where: str, signal: Signal, labels: Labels) -> Signal:
    """The signal as a layer takes it, which works on the last axis.

    DesignError where that axis does not hold the elements of a frame, in their order.
    """
    if not signal.axes:
        raise DesignError(f"{where}: takes a single number, must be the elements of a frame")
    axis = signal.axes[-1]
    core = labels.core(axis)
    if signal.feature is None:
        if len(core) > 1:
            raise DesignError(
                f"{where}: takes {labels.meaning(axis, signal)} together as the elements of a frame; cut the "
                "model after what joins them"
            )
        label = core[0] if core else axis[0]
        return replace(signal, feature=label, taken=label)
    if core == (signal.feature,) or axis == (signal.feature,):
        return signal
    known = {signal.frame, *labels.inputs}
    alone = labels.sizes[signal.feature] == 1 and not core and not known & set(axis)
    if alone:  # a lone element that Squeeze and Unsqueeze have moved
        return signal
    raise DesignError(
        f"{where}: works along {labels.meaning(axis, signal)}, not along the elements of a frame; a core "
        "computes each frame by itself: cut the model before this node"
    )


def vector_of_features(
    where: str, constant: np.ndarray, signal: Signal, labels: Labels
) -> tuple[np.ndarray, Signal]:
    """A constant that is added to a signal, as one number for each element of a frame, and the signal as it
    then is: with more axes of one element where the constant has more.

    DesignError where the constant differs between frames or sequences.
    """
    if constant.dtype.kind != "f":
        raise DesignError(f"{where}: the bias has type {constant.dtype}, must be floating point")
    missing = constant.ndim - len(signal.axes)
    axes = (*(labels.new(1) for _ in range(missing)), *signal.axes)
    signal = signal.moved(axes)
    size = None if signal.feature is None else labels.sizes[signal.feature]
    if size is None:
        raise DesignError(f"{where}: adds a bias to frames of which the elements are not known")
    wide = [i for i, n in enumerate(constant.shape, len(axes) - constant.ndim) if n != 1]
    if not wide:
        return np.broadcast_to(constant.reshape(-1), (size,)), signal
    if len(wide) == 1 and labels.core(axes[wide[0]]) == (signal.feature,) and constant.size == size:
        return constant.reshape(-1), signal
    meanings = " and ".join(labels.meaning(axes[i], signal) for i in wide)
    raise DesignError(
        f"{where}: the bias has shape {constant.shape}, along {meanings}; must be one number for each of "
        f"{size} elements of a frame"
    )
