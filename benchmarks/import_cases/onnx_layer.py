"""ONNX models of one recurrent layer, with the outputs of onnx's reference evaluator."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def onnx_layer(
    folder: Path,
    kind: str,
    inputs: int,
    hidden: int,
    x: np.ndarray,
    states: dict[str, np.ndarray] | None = None,
    seed: int = 0,
    **attributes: int,
) -> np.ndarray:
    """Write model.onnx, a layer "LSTM" or "GRU" with random weights; its outputs (frames, hidden) for x.

    states: initial_h and initial_c (hidden,).
    """
    import onnx
    from onnx.reference import ReferenceEvaluator

    rng = np.random.default_rng(seed)
    gates = {"LSTM": 4, "GRU": 3}[kind]
    size = 1 / np.sqrt(hidden)
    shapes = {
        "W": (gates * hidden, inputs),
        "R": (gates * hidden, hidden),
        "B": (2 * gates * hidden,),
    }
    constants = {
        name: rng.uniform(-size, size, (1, *shape)).astype(np.float32)
        for name, shape in shapes.items()
    }
    constants |= {n: a.astype(np.float32).reshape(1, 1, hidden) for n, a in (states or {}).items()}
    names = ["x", "W", "R", "B", "", "initial_h", "initial_c"]
    names = [n if n in constants or n == "x" else "" for n in names]
    while not names[-1]:
        names.pop()
    constants["axis"] = np.array([1])
    nodes = [
        onnx.helper.make_node(kind, names, ["all"], "layer", hidden_size=hidden, **attributes),
        onnx.helper.make_node("Squeeze", ["all", "axis"], ["y"], "squeeze"),
    ]
    number = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "graph",
        [onnx.helper.make_tensor_value_info("x", number, ("frames", 1, inputs))],
        [onnx.helper.make_tensor_value_info("y", number, None)],
        [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.save(model, folder / "model.onnx")
    y = ReferenceEvaluator(model).run(None, {"x": x.astype(np.float32)[:, None]})[0]
    return y.reshape(len(x), hidden)
