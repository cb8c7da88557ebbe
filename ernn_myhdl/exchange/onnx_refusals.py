"""What is said of a node that no layer computes: what it does, and where the model may be cut."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.lowering import advice
from ernn_myhdl.exchange.onnx_values import GivenState, Signal, State, Zeros

CELL = (
    "which the exporter takes apart into single operators; use the layer nn.{layer} instead of it, or import the "
    "state dict (.pt or .safetensors), in which cells are known"
)
APART = (
    "which this exporter takes apart into single operators; export it with dynamo=False, or import the state dict (.pt or "
    ".safetensors)"
)
#: What to do with files of Keras' own export and of tf2onnx that hold other than recurrent operators.
KERAS = "save the Keras model with model.save('model.keras') and import that file, in which layers are known"
#: What to do with loops of cells that an exporter has unrolled.
_UNROLLED = "import the module itself (`ernn_myhdl.import_module`), in which loops of cells are known, or of Keras the .keras file"
#: What is said of what stays refused, by its name.
LAYER_NORM = (
    "is a layer normalisation: it normalises each frame by its own mean and variance, which no layer does; train with BatchNorm, which "
    "is folded into the weights"
)
GROUP_NORM = (
    "normalises by the mean and variance of the signal itself, which no layer does; train with BatchNorm, which is folded into the "
    "weights"
)
ATTENTION = (
    "is a product of two signals over several frames, as attention computes it: it compares all frames of a sequence, which no core does; "
    "train without attention, as with a mean or the last frame, or cut the model before it and compute it on the core's outputs"
)
REVERSED = (
    "reverses the frames of a sequence, of which the last would have to come first; a core takes frames as they come: reverse the sequences "
    "before the core, and train without the other direction"
)
STACKED = "puts signals along an axis of their own, which a core has not: join them along the elements of a frame (torch.cat, axis -1), or add them"
QUANTISED = (
    "rounds a signal in a format of its own; the core rounds signals in its formats, which --calibration chooses: export the float model, or with weights "
    "alone quantised"
)
_NORMALISATION = {
    "BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization", "LpNormalization",
    "LRN", "RMSNormalization", "SimplifiedLayerNormalization",
}  # fmt: skip
_FUNCTIONS = {
    "Abs", "Celu", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log",
    "LogSoftmax", "Mish", "PRelu", "Relu", "Selu", "Sigmoid", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish",
    "Tanh", "ThresholdedRelu",
}  # fmt: skip
_OVER_FRAMES = {
    "AveragePool", "Conv", "ConvTranspose", "CumSum", "GlobalAveragePool", "GlobalMaxPool", "MaxPool", "Pad",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum",
}  # fmt: skip
_ARITHMETIC = {"Add", "Div", "Mul", "Sub"}
_COMPARISONS = {
    "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Where", "eq", "ge", "gt", "hardshrink", "le", "lt", "where",
}  # fmt: skip
_PARTS = {"Concat", "Expand", "Gather", "Slice", "Split", "SplitToSequence", "Tile"}


def unsupported(where: str, kind: str, given: list, layers_follow: bool) -> DesignError:
    """The error for a node; given: its inputs' values. layers_follow: whether layers come after it."""
    signals = [v for v in given if isinstance(v, Signal)]
    if any(isinstance(v, State) and v.cell for v in given):
        return DesignError(
            f"{where}: computes with the cell state of an LSTM behind the last frame (c_n), which is in no y of a core; take the output of the last frame, "
            "y[:, -1] with batch_first, or compute it on the host, of `Run.final_states()` or `session.state()`"
        )
    if any(isinstance(v, State) for v in given):
        return DesignError(
            f"{where}: works on the states after the last frame in a way that is not followed; take the "
            "outputs of the last layer instead, y[:, -1] with batch_first"
        )
    states = [v for v in given if isinstance(v, GivenState)]
    if states:
        return DesignError(
            f"{where}: computes with the state {states[0]}, which is an input: a core's cells alone take their states, as they left them; use nn.LSTMCell, "
            "nn.GRUCell or nn.RNNCell for the step, and the state for nothing else"
        )
    reason = named_reason(kind, len(signals))
    if reason is not None:
        return DesignError(f"{where}: {reason}")
    return DesignError(
        f"{where}: {_what(kind, given, len(signals))}; {advice(any(s.layers for s in signals), layers_follow)}"
    )


def named_reason(kind: str, signals: int) -> str | None:
    """Why a normalisation, a part of attention or a rounded signal is refused, and what to do; None of others. signals: inputs that follow from x."""
    if kind in ("LayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization"):
        return LAYER_NORM
    if kind in (
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "QLinearMatMul",
        "QLinearConv",
        "MatMulInteger",
    ):
        return QUANTISED
    if kind in ("InstanceNormalization", "GroupNormalization"):
        return GROUP_NORM
    if kind in ("Attention", "MultiHeadAttention") or (
        kind in ("MatMul", "Einsum", "Gemm") and signals > 1
    ):
        return ATTENTION
    return None


def _what(kind: str, given: list, signals: int) -> str:
    if kind in _NORMALISATION:
        return "is not supported: no layer normalises"
    if kind in _FUNCTIONS:
        return "is not supported: no layer computes this function of its inputs or outputs"
    if kind in _OVER_FRAMES:
        return "is not supported: no layer works over several frames in this way"
    if kind == "Gather" and isinstance(given[0], np.ndarray):
        return "is not supported: it looks rows of a table up (an embedding)"
    if kind in _ARITHMETIC and signals > 1:
        return "is not supported: it joins two signals, as a residual connection or a gate does"
    if kind in _ARITHMETIC:
        return (
            "is not supported: scaling and shifting belong into the weights and the bias of a layer"
        )
    if kind == "Split":
        return (
            "is not supported here: it parts a signal along other than the elements of a frame, as loops over the frames do that an exporter has "
            f"unrolled; {_UNROLLED}"
        )
    if kind in ("MatMul", "Gemm") and any(isinstance(v, Zeros) for v in given):
        return (
            "is not supported here: it multiplies a state of zeros, as a cell does that an exporter has taken apart or whose loop over the frames "
            f"it has unrolled; {_UNROLLED}"
        )
    if kind in _COMPARISONS:
        return (
            "is not supported: it chooses by a comparison of a signal, as a threshold does; use nn.ReLU for nn.Threshold(0, 0), nn.Hardtanh or "
            "torch.clamp for limits, torch.maximum for the larger of two signals"
        )
    if kind in _PARTS:
        return "is not supported here: it takes parts of a signal or puts them together"
    return "is not supported here; LSTM, GRU, RNN, MatMul + Add and Gemm are, with reshaping between them"
