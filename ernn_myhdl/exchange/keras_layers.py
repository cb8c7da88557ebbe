"""Layers of Keras as operations, by their class names.

LSTM    kernel (X, 4 H), recurrent_kernel (H, 4 H), bias (4 H): gates i, f, c, o, which are ours
GRU     kernel (X, 3 H), recurrent_kernel (H, 3 H): gates z, r, h; bias (2, 3 H), of x and of y, with
        reset_after, else (3 H)
Dense   kernel (X, Y), bias (Y)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ernn_myhdl.design.cells.rnn import NONLINEARITIES
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.embedding import Table
from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.graph import (
    Affine,
    LastFrame,
    LookedUp,
    Operation,
    Pooled,
    Repeated,
    Selected,
    Unsupported,
    Windows,
    affine,
)
from ernn_myhdl.exchange.keras_activations import activation, leaky_relu, relu, single, softmax
from ernn_myhdl.exchange.keras_convolutions import (
    conv1d,
    depthwise_conv1d,
    linear_layer,
    separable_conv1d,
)
from ernn_myhdl.exchange.keras_layer import KerasLayer, units_of
from ernn_myhdl.exchange.lowering import ATTENTION_POOLING

#: Layers that do nothing when a model runs.
NOTHING = {
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity",
    "SpatialDropout1D",
}  # fmt: skip
#: Our gates r, z, n in z, r, h.
_GRU_GATES = [1, 0, 2]
#: What no core has, and what the user can do.
_HOST = "cut the model before it, save that part, and compute it on the core's outputs"
_REFUSED = {
    "Bidirectional": (
        "is bidirectional, which no core computes: its second half needs the end of a sequence first",
        "train with LSTM or GRU alone",
    ),
    "Lambda": ("holds code of its own, which is not run", "replace it by layers of Keras"),
    "Masking": (
        "skips frames of a value, the core takes every frame",
        "give sequences in their own lengths; if the data need no mask, save the model without this layer, or show it "
        "with --reference",
    ),
    "LayerNormalization": (
        "normalises each frame by its own mean and variance, which no layer does",
        "train with BatchNormalization, which is folded into the weights",
    ),
}
for _layer in ("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention"):
    _REFUSED[_layer] = (
        "compares all frames of a sequence, which no core does",
        "train without attention",
    )
for _layer in ("ConvLSTM1D", "ConvLSTM2D", "Conv2D", "Conv1DTranspose"):
    _REFUSED[_layer] = ("is a convolution that no layer computes", "compute it before the core")
#: Pools with a kernel, which must hold all frames.
KERNELS = {"AveragePooling1D": "mean", "MaxPooling1D": "maximum"}
for _layer in ("Flatten", "Reshape", "UpSampling1D"):
    _REFUSED[_layer] = ("moves numbers between frames, a core computes each frame by itself", _HOST)
_REFUSED["Permute"] = (
    "exchanges frames and elements, a core computes each frame by itself",
    "save the model without it, with frames of the elements that the layers take as its input",
)
_REFUSED["Cropping1D"] = (
    "takes some of the frames of a sequence; a core takes all of them, or the last one (y[:, -1])",
    'behind a convolution let that have padding="causal" or "valid"; else crop the sequences on the host',
)


def operations(layer: KerasLayer) -> list[Operation]:
    """What a layer does, one operation after the other; DesignError where its weights or options are damaged."""
    if layer.option("lora_rank") or layer.option("quantization_config"):
        raise layer.refuse(
            "has weights that are made of others",
            "save the model before it is quantised or adapted",
        )
    if layer.kind in NOTHING:
        return []
    if layer.kind in _MAKERS:
        return _MAKERS[layer.kind](layer)
    if layer.kind in _REFUSED:
        return [Unsupported(*_refusal(layer))]
    return [Unsupported("is not supported", _KNOWN)]


_KNOWN = (
    "LSTM, GRU, SimpleRNN, Dense, Conv1D, DepthwiseConv1D, SeparableConv1D, Activation, ReLU, LeakyReLU, BatchNormalization, Normalization, "
    "Rescaling, TimeDistributed, Embedding, RepeatVector, GlobalMaxPooling1D, GlobalAveragePooling1D and Dropout are; cut the model before or after it"
)


def _refusal(layer: KerasLayer) -> tuple[str, str]:
    return _REFUSED[layer.kind]


def refusal_of(where: str, kind: str) -> DesignError | None:
    """The error for a layer that no core has, whatever it takes; None for others."""
    known = _REFUSED.get(kind)
    return None if known is None else DesignError(f"{where}: {known[0]}; {known[1]}")


def _recurrent_checks(layer: KerasLayer, fixed: Mapping[str, tuple[str, ...]]) -> None:
    if layer.option("go_backwards"):
        raise layer.refuse(
            "go_backwards is not supported: the hardware takes frames as they come",
            "train without it, or give the core the sequences reversed and save the layer without it",
        )
    if layer.option("return_state"):
        raise layer.refuse(
            "return_state gives states, which the core does not", "save the model without it"
        )
    if layer.option("time_major"):
        raise layer.refuse("has its frames first", "train with time_major=False")
    if layer.option("stateful"):
        raise layer.refuse(
            "stateful keeps its state from one batch to the next",
            "a core does so until a sequence starts: save the model with stateful=False",
        )
    for name, legal in fixed.items():
        given = layer.option(name, legal[0])
        if isinstance(given, dict):
            given = given.get("config")
        if given not in legal:
            raise layer.refuse(
                f"{name} = {short(repr(given))}, must be {' or '.join(map(repr, legal))}: the cell has no other",
                "train with it",
            )


def _gates(layer: KerasLayer, index: int, what: str, rows: int | None, units: int, gates: int) -> np.ndarray:  # fmt: skip
    """A kernel as (gates, units, rows)."""
    kernel = layer.array(index, what, (rows, gates * units))
    return kernel.reshape(-1, gates, units).transpose(1, 2, 0)


def _frames(layer: KerasLayer) -> list[Operation]:
    return [] if layer.option("return_sequences") else [LastFrame()]


def _lstm(layer: KerasLayer) -> list[Operation]:
    _recurrent_checks(layer, {"activation": ("tanh",), "recurrent_activation": ("sigmoid",)})
    units = units_of(layer)
    weights = {
        "input_weight": _gates(layer, 0, "kernel", layer.size, units, 4),
        "recurrent_weight": _gates(layer, 1, "recurrent_kernel", units, units, 4),
        "bias": np.zeros((4, units)),
    }
    if layer.option("use_bias", True):
        weights["bias"] = layer.array(2, "bias", (4 * units,)).reshape(4, units)
    return [DenseLayer(layer.name, "lstm", weights), *_frames(layer)]


def _gru(layer: KerasLayer) -> list[Operation]:
    _recurrent_checks(
        layer, {"activation": ("tanh", "sigmoid"), "recurrent_activation": ("sigmoid",)}
    )
    units, after = units_of(layer), bool(layer.option("reset_after", False))
    weights = {
        "input_weight": _gates(layer, 0, "kernel", layer.size, units, 3)[_GRU_GATES],
        "recurrent_weight": _gates(layer, 1, "recurrent_kernel", units, units, 3)[_GRU_GATES],
    }
    bias = np.zeros((2, 3, units))
    if layer.option("use_bias", True):
        shape = (2, 3 * units) if after else (3 * units,)
        given = layer.array(2, "bias", shape).reshape(-1, 3, units)
        bias[: len(given)] = given[:, _GRU_GATES]
    weights["bias"] = bias[0] + bias[1]
    if after:
        weights["bias"][2] = bias[0, 2]
        weights["recurrent_bias"] = bias[1, 2:]
    made = DenseLayer(
        layer.name,
        "gru",
        weights,
        "after" if after else "before",
        _name(layer.option("activation", "tanh")),
    )
    return [made, *_frames(layer)]


def _simple_rnn(layer: KerasLayer) -> list[Operation]:
    _recurrent_checks(layer, {"activation": NONLINEARITIES})
    units = units_of(layer)
    weights = {
        "input_weight": _gates(layer, 0, "kernel", layer.size, units, 1),
        "recurrent_weight": _gates(layer, 1, "recurrent_kernel", units, units, 1),
        "bias": np.zeros((1, units)),
    }
    if layer.option("use_bias", True):
        weights["bias"] = layer.array(2, "bias", (units,))[None]
    activation = _name(layer.option("activation", "tanh"))
    return [DenseLayer(layer.name, "rnn", weights, activation=activation), *_frames(layer)]


def _name(given: Any) -> str:
    return str(given.get("config") if isinstance(given, dict) else given)


def _dense(layer: KerasLayer) -> list[Operation]:
    units = units_of(layer)
    kernel = layer.array(0, "kernel", (layer.size, units))
    bias = layer.array(1, "bias", (units,)) if layer.option("use_bias", True) else np.zeros(units)
    return linear_layer(layer, kernel, bias)


def _along_elements(layer: KerasLayer, axis: Any, rank: int) -> None:
    """DesignError unless an axis is that of the elements of a frame."""
    if layer.kind == "Softmax" and rank == 3 and single(axis) in (1, -2):
        raise DesignError(f"{layer.where}: {ATTENTION_POOLING}")
    if single(axis) not in (-1, rank - 1, None):
        raise layer.refuse(
            f"works along axis {short(repr(axis))}, not along the elements of a frame, which are the last axis",
            "train with axis=-1",
        )


def _batch_norm(layer: KerasLayer) -> list[Operation]:
    size, index = layer.size, 0
    found = {"gamma": np.ones(1), "beta": np.zeros(1)}
    for name, there in (("gamma", layer.option("scale", True)), ("beta", layer.option("center", True))):  # fmt: skip
        if there:
            found[name] = layer.array(index, name, (size,))
            index += 1
    mean, variance = (layer.array(index + i, n, (size,)) for i, n in enumerate(("moving_mean", "moving_variance")))  # fmt: skip
    if np.any(variance < 0):
        raise DesignError(f"{layer.where}: its moving_variance has negative numbers")
    scale = found["gamma"] / np.sqrt(variance + float(layer.option("epsilon", 1e-3)))
    return [affine(layer.where, scale, found["beta"] - mean * scale, size)]


def _normalization(layer: KerasLayer) -> list[Operation]:
    """(x - mean) / std with numbers that were adapted to data, or are in the configuration."""
    if layer.option("mean") is not None:
        mean, variance = (
            np.asarray(layer.option(n), dtype=np.float64) for n in ("mean", "variance")
        )
    else:
        shape = () if layer.option("axis", -1) is None else (layer.size,)
        mean, variance = (layer.array(i, n, shape) for i, n in enumerate(("mean", "variance")))
    deviation = np.maximum(np.sqrt(variance), 1e-7)
    scale, offset = 1.0 / deviation, -mean / deviation
    if layer.option("invert"):
        scale, offset = deviation, mean
    return [affine(layer.where, scale, offset, layer.size)]


def _rescaling(layer: KerasLayer) -> list[Operation]:
    scale, offset = layer.option("scale"), layer.option("offset", 0.0)
    return [affine(layer.where, scale, offset, layer.size)]


def _embedding(layer: KerasLayer) -> list[Operation]:
    if layer.option("mask_zero"):
        raise layer.refuse(
            "mask_zero skips the frames of number 0, the core takes every frame",
            "give sequences in their own lengths, and save the model with mask_zero=False",
        )
    shape = (units_of(layer, "input_dim"), units_of(layer, "output_dim"))
    rows = layer.array(0, "embeddings", shape)
    try:
        return [LookedUp(Table(rows))]
    except DesignError as error:
        raise DesignError(f"{layer.where}: {error}") from error


def _repeated(layer: KerasLayer) -> list[Operation]:
    return [Repeated(units_of(layer, "n"))]


def _pooled(layer: KerasLayer) -> list[Operation]:
    if layer.option("data_format", "channels_last") not in (None, "channels_last"):
        raise layer.refuse("has its frames last", "train with data_format='channels_last'")
    return [Pooled("mean" if layer.kind == "GlobalAveragePooling1D" else "maximum", layer.frames)]


def _pooled_by_kernel(layer: KerasLayer) -> list[Operation]:
    """A pool whose kernel holds all frames of a sequence."""
    kernel = single(layer.option("pool_size", 2))
    if layer.option("data_format", "channels_last") not in (None, "channels_last"):
        raise layer.refuse("has its frames last", "train with data_format='channels_last'")
    if (
        layer.frames is None
        or kernel != layer.frames
        or layer.option("padding", "valid") != "valid"
    ):
        of = "sequences of any length" if layer.frames is None else f"{layer.frames}"
        raise layer.refuse(
            f"takes {short(repr(kernel))} frames at a time of {of}, for which there is no hardware",
            f"use Global{layer.kind}, which takes all of a sequence; or {_HOST}",
        )
    return [Pooled(KERNELS[layer.kind], layer.frames)]


_MAKERS: dict[str, Callable[[KerasLayer], list[Operation]]] = {
    "LSTM": _lstm, "GRU": _gru, "SimpleRNN": _simple_rnn, "Dense": _dense, "Conv1D": conv1d, "DepthwiseConv1D": depthwise_conv1d,
    "SeparableConv1D": separable_conv1d, "BatchNormalization": _batch_norm,
    "Normalization": _normalization, "Rescaling": _rescaling, "Activation": activation, "ReLU": relu,
    "LeakyReLU": leaky_relu, "Softmax": softmax, "RepeatVector": _repeated, "GlobalMaxPooling1D": _pooled,
    "GlobalAveragePooling1D": _pooled, "Embedding": _embedding, **dict.fromkeys(KERNELS, _pooled_by_kernel),
}  # fmt: skip
#: Layers with an axis, which must be that of the elements of a frame; with their default.
AXES = {"BatchNormalization": -1, "Normalization": -1, "Softmax": -1}


def check_axis(layer: KerasLayer, rank: int) -> None:
    """DesignError where a layer works along another axis than the elements of a frame; rank: axes of its input."""
    if layer.kind in AXES:
        _along_elements(layer, layer.option("axis", AXES[layer.kind]), rank)


def size_after(operation: Operation, size: int | None) -> int | None:
    """Elements of a frame behind an operation, None where not known: what no layer computes is refused by its own name,
    not by that of the next one whose weights do not fit."""
    if isinstance(operation, Unsupported):
        return None
    if isinstance(operation, DenseLayer):
        return operation.outputs
    if isinstance(operation, LookedUp):
        return operation.table.values.shape[1]
    if isinstance(operation, Selected):
        return len(operation.elements)
    if isinstance(operation, Windows):
        return None if size is None else size * operation.kernel
    if isinstance(operation, Affine):
        return max(size or 1, operation.size) if size is None else size
    return size
