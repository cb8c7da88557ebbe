"""What an import makes of an ONNX graph: right, refused or wrong, beside onnxruntime."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ernn_myhdl.design.dense import check_chain
from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.reference import dense_outputs
from ernn_myhdl.exchange.source import read_source
from ernn_myhdl.golden.float_reference import FloatModel

#: Largest difference of a right import, over the span of the outputs.
LIMIT = 1e-4


def runtime(model) -> Callable[[np.ndarray], np.ndarray]:
    """A function from x to the first output of a model, by onnxruntime; raises what that raises."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model if isinstance(model, str) else model.SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
    )
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def outcome(
    file: Path,
    runs: list[tuple[np.ndarray, np.ndarray]],
    feature: int | None,
    frame: int | None,
    mixed: bool = False,
) -> tuple[str, str]:
    """("right" | "refused" | "wrong", why): the layers of a file beside the outputs of its framework.

    runs: pairs of x and outputs. feature: axis of x with the elements of a frame, -1: x has none, every number is
    a frame of one. frame: axis of the frames, None or -1: every frame by itself. mixed: no axis of x is what the
    first layers take, so that only a refusal is right. The order of the outputs' axes is free.
    """
    try:
        source = read_source(file)
        if source.graph is None:
            check_chain(source.layers)
    except DesignError as error:
        return "refused", str(error)
    if mixed or feature is None or feature == frame != -1:
        return (
            "wrong",
            "imported, but its layers do not take one axis of x for frames and one for elements",
        )
    last = any("of the last frame" in note for note in source.notes)
    worst = 0.0
    for x, y in runs:
        if feature == -1 and frame is None and source.inputs == x.shape[-1] > 1:
            feature = (
                x.ndim - 1
            )  # an element of each frame alone is taken, by zeros in the columns of the others
        frame_size = 1 if feature == -1 else x.shape[feature]
        if source.inputs != frame_size:
            return "wrong", f"{source.inputs} inputs, must have {frame_size}"
        own = stepped(source.steps, layers_outputs(source.layers, x, feature, frame, source.graph))
        error = difference(own[-1] if last else own, y)
        worst = max(worst, error)
    return ("right" if worst <= LIMIT else "wrong"), f"error {worst:.2g} of the span"


def layers_outputs(
    layers, x: np.ndarray, feature: int, frame: int | None, graph=None
) -> np.ndarray:
    """Outputs (frames, other axes of x ..., outputs) of dense layers in float64, from their initial states."""
    x = np.asarray(x, dtype=np.float64)
    x = x[..., None] if feature == -1 else np.moveaxis(x, feature, -1)
    if frame is None or frame == -1:
        x = x[None]
    else:
        x = np.moveaxis(x, frame - (frame > feature != -1), 0)
    others = x.shape[1:-1]
    x = x.reshape(len(x), -1, x.shape[-1])
    sequences = [x[:, i] for i in range(x.shape[1])]
    if graph is not None:
        states = [[layer.initial or None] * len(sequences) for layer in layers]
        sequences = dense_outputs(layers, graph, sequences, states)
    for layer in layers if graph is None else ():
        cell = layer.cell({"block": 1})
        model = FloatModel(cell, layer.circulant(cell))
        sequences = model.run(sequences, initial=[layer.initial or None] * len(sequences))
    y = np.stack(sequences, axis=1)
    return y.reshape(len(y), *others, y.shape[-1])


def difference(own: np.ndarray, y: np.ndarray) -> float:
    """Largest difference over the span of y and zero, with the axes of the own outputs in the order that fits
    best."""
    if own.size != y.size:
        return float("inf")
    span = float(np.ptp([*y.reshape(-1), 0.0])) or 1.0
    own = own.reshape([n for n in own.shape if n != 1])
    return min(
        float(np.abs(own.transpose(order).reshape(-1) - y.reshape(-1)).max()) / span
        for order in itertools.permutations(range(own.ndim))
    )
