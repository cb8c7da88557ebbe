"""A design as an ONNX model: x (frames, batch, inputs) -> y (frames, batch, outputs), dense, float32.

ONNX has no recurrent projection y = W_p m. Its LSTM gets R = W_r W_p, which a MatMul of the graph makes
of both, and another MatMul takes its output, m, to y: the same numbers. The import knows the form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ernn_myhdl import __version__
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.joins import Window
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Mean, Repeat, TimeJoin
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.activations import function_of
from ernn_myhdl.exchange.description import PROPERTY, write_description
from ernn_myhdl.exchange.onnx_file import onnx_package
from ernn_myhdl.exchange.onnx_recurrent import PEEPHOLES
from ernn_myhdl.exchange.onnx_steps import OnnxBuilder, add_steps
from ernn_myhdl.exchange.onnx_windows import add_convolution
from ernn_myhdl.exchange.recurrent_kinds import OF_CELL

#: Opset and version of the representation that every runtime of the last years reads.
OPSET, IR_VERSION = 17, 8
#: Of a chain: the number of a layer, or a join.
Part = int | TimeJoin | ElementWise | Window


def write_onnx(
    file: Path,
    layers: Sequence[DenseLayer],
    blocks: Sequence[Mapping[str, int]],
    scaling: InputScaling | None = None,
    steps: Sequence[HostStep] = (),
    chain: Sequence[Part] | None = None,
) -> list[str]:
    """Write the file; notes for the user. scaling: of the design, which the metadata keep. steps: of its host, which become
    nodes of the graph behind CORE_OUTPUTS. chain: numbers of layers, joins over time, functions, and windows before linear layers, one
    after the other; None: all layers."""
    onnx = onnx_package()
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    builder = OnnxBuilder(onnx)
    signal = "x" if scaling is None else _normalised(builder, scaling)
    taken: int | str = "frames"  # a mean is of sequences of one length
    window: Window | None = None
    inputs, some = layers[0].inputs, False
    for place, part in enumerate(range(len(layers)) if chain is None else chain):
        if isinstance(part, Window):
            window, inputs = part, part.size if not place else inputs
            some = some or part.stride > 1 or not part.padding
            continue
        if isinstance(part, TimeJoin):
            signal = _add_time_join(builder, f"join_{place}", part, signal)
            taken = part.frames if isinstance(part, Mean) else taken
            continue
        if isinstance(part, ElementWise):
            signal = _add_function(builder, f"join_{place}", part, signal)
            continue
        if layers[part].recurrent:
            signal = _add_recurrent(builder, f"layer_{part}", layers[part], signal)
        else:
            signal = _add_linear(builder, f"layer_{part}", layers[part], signal, window)
        window = None
    add_steps(builder, steps, signal, layers[-1].outputs)
    x = helper.make_tensor_value_info("x", real, [taken, "batch", inputs])
    over_time = some or any(isinstance(part, TimeJoin) for part in chain or ())
    argmax = any(step.kind == "argmax" for step in steps)
    y = helper.make_tensor_value_info(
        "y",
        onnx.TensorProto.INT64 if argmax else real,
        [
            "frames_of_y" if over_time else "frames",
            "batch",
            1 if argmax else layers[-1].outputs,
        ],
    )
    graph = helper.make_graph(builder.nodes, "ernn", [x], [y], builder.initializers)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="ernn-myhdl",
        producer_version=__version__,
    )
    helper.set_model_props(
        model, {PROPERTY: write_description(blocks, scaling=scaling, steps=steps)}
    )
    onnx.checker.check_model(model)
    file.write_bytes(model.SerializeToString())
    return []


def _normalised(builder: OnnxBuilder, scaling: InputScaling) -> str:
    """x as the layers take it, whose weights a scaling of powers of two and offsets alone is taken out of."""
    signal = "x"
    if scaling.scales and scaling.offsets:
        offset = builder.constant("x_offset", np.array(scaling.offsets, dtype=np.float32))
        signal = builder.node("Sub", [signal, offset], "x_moved")
    if scaling.scales:
        scale = builder.constant("x_scale", np.array(scaling.scales, dtype=np.float32))
        signal = builder.node("Mul", [signal, scale], "x_normalised")
    return signal


def _add_time_join(builder: OnnxBuilder, name: str, join: TimeJoin, x: str) -> str:
    """A join over time of (frames, batch, elements)."""
    if isinstance(join, Repeat):
        counts = builder.constant(f"{name}_counts", np.array([join.frames, 1, 1], dtype=np.int64))
        return builder.node("Tile", [x, counts], f"{name}_y")
    if isinstance(join, LastFrame):
        last = builder.constant(f"{name}_last", np.array([-1], dtype=np.int64))
        return builder.node("Gather", [x, last], f"{name}_y", axis=0)
    if isinstance(join, Maximum | Mean):
        kind = "ReduceMean" if isinstance(join, Mean) else "ReduceMax"
        return builder.node(kind, [x], f"{name}_y", axes=[0], keepdims=1)
    axes = builder.constant(f"{name}_axes", np.array([0], dtype=np.int64))
    return builder.node("ReduceSum", [x, axes], f"{name}_y", keepdims=1)


def _add_linear(
    builder: OnnxBuilder, name: str, layer: DenseLayer, x: str, window: Window | None
) -> str:
    if window is not None or layer.groups > 1:
        sums = add_convolution(builder, name, layer, window, x)
        return sums if layer.activation == "none" else _add_function(builder, name, layer, sums)
    weight = builder.constant(f"{name}_weight", layer.weights["input_weight"][0].T)
    bias = builder.constant(f"{name}_bias", layer.weights["bias"][0])
    product = builder.node("MatMul", [x, weight], f"{name}_product")
    if layer.activation == "none":
        return builder.node("Add", [product, bias], f"{name}_y")
    sums = builder.node("Add", [product, bias], f"{name}_sums")
    return _add_function(builder, name, layer, sums)


def _add_function(builder: OnnxBuilder, name: str, layer: DenseLayer | ElementWise, x: str) -> str:
    """The function of a layer or of a join."""
    function = function_of(layer)
    assert function is not None  # of "none" there is none
    kind, numbers = function
    if kind != "Clip":
        return builder.node(kind, [x], f"{name}_y", **numbers)
    limits = [
        builder.constant(f"{name}_{n}", np.array(v, dtype=np.float32)) for n, v in numbers.items()
    ]
    return builder.node("Clip", [x, *limits], f"{name}_y")


def _onnx_order(order: Sequence[int], gates: np.ndarray) -> np.ndarray:
    """(1, gates rows, ...) in ONNX's order of (gates, rows, ...) in ours."""
    ordered = gates[np.argsort(order)]
    return ordered.reshape(1, -1, *gates.shape[2:])


def holds_state(layer: DenseLayer) -> bool:
    """Whether a file says what a layer starts from: not y behind a projection, in front of which ONNX has its state."""
    return "projection_weight" not in layer.weights


def _states(builder: OnnxBuilder, name: str, layer: DenseLayer, x: str) -> list[str]:
    """The state that a layer starts from, for every sequence of the batch, in ONNX's order."""
    one = builder.constant(f"{name}_one", np.array([1], dtype=np.int64))
    size = builder.constant(f"{name}_size", np.array([layer.hidden], dtype=np.int64))
    sizes = builder.node("Shape", [x], f"{name}_sizes")
    batch = builder.node("Gather", [sizes, one], f"{name}_batch", axis=0)
    shape = builder.node("Concat", [one, batch, size], f"{name}_shape", axis=0)
    parts = {onnx: part for part, onnx in OF_CELL[layer.kind].state.items()}
    made = []
    for onnx in sorted(parts, reverse=True):  # initial_h before initial_c
        state = builder.constant(
            f"{name}_{onnx}_all", layer.initial[parts[onnx]].astype(np.float32).reshape(1, 1, -1)
        )
        made.append(builder.node("Expand", [state, shape], f"{name}_{onnx}"))
    return made


def _add_recurrent(builder: OnnxBuilder, name: str, layer: DenseLayer, x: str) -> str:
    w, form = layer.weights, OF_CELL[layer.kind]
    if not form.standard:
        raise DesignError(
            f"export: {layer.name} is {form.article} {form.name}, of which ONNX has no operator; write a .safetensors file"
        )
    recurrent_bias = np.zeros_like(w["bias"])
    if "recurrent_bias" in w:
        recurrent_bias[2] = w["recurrent_bias"][0]
    biases = [_onnx_order(form.order, b) for b in (w["bias"], recurrent_bias)]
    input_weight = builder.constant(f"{name}_W", _onnx_order(form.order, w["input_weight"]))
    recurrent_weight = _onnx_order(form.order, w["recurrent_weight"])
    projection = None
    if "projection_weight" in w:
        factor = builder.constant(f"{name}_recurrent", recurrent_weight)
        projection = builder.constant(f"{name}_projection", w["projection_weight"])
        recurrent = builder.node("MatMul", [factor, projection], f"{name}_R")
    else:
        recurrent = builder.constant(f"{name}_R", recurrent_weight)
    bias = builder.constant(f"{name}_B", np.concatenate(biases, axis=1))
    inputs = [x, input_weight, recurrent, bias]
    attributes: dict = {"hidden_size": layer.hidden}
    if "linear_before_reset" in form.attributes:
        attributes["linear_before_reset"] = int(layer.reset == "after")
    states = _states(builder, name, layer, x) if layer.initial and holds_state(layer) else []
    if states or "peephole" in w:
        inputs += ["", *states, *[""] * (2 - len(states))]
    if "peephole" in w:
        peephole = w["peephole"][np.argsort(PEEPHOLES)].reshape(1, -1)
        inputs.append(builder.constant(f"{name}_P", peephole))
    while not inputs[-1]:
        inputs.pop()
    if (activations := form.onnx_activations(layer)) != list(form.activations):
        attributes["activations"] = activations
    m = builder.node(form.name, inputs, f"{name}_all", **attributes)
    axis = builder.constant(f"{name}_axis", np.array([1], dtype=np.int64))
    m = builder.node("Squeeze", [m, axis], f"{name}_m")
    if projection is None:
        return m
    transposed = builder.node("Transpose", [projection], f"{name}_transposed", perm=[1, 0])
    return builder.node("MatMul", [m, transposed], f"{name}_y")
