"""GRUs of PyTorch and Keras whose exporter forgot linear_before_reset: right by ONNX, other than the source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.import_cases.case import Attempt, Case


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _gru(x, w, r, b):
    """Outputs of a GRU with reset after the product, gates z, r, h as in ONNX; b (2, 3, hidden)."""
    hidden = len(w) // 3
    h, y = np.zeros(hidden), []
    for frame in x:
        a = (w @ frame).reshape(3, hidden) + b[0]
        s = (r @ h).reshape(3, hidden) + b[1]
        z, reset = _sigmoid(a[0] + s[0]), _sigmoid(a[1] + s[1])
        h = z * h + (1 - z) * np.tanh(a[2] + reset * s[2])
        y.append(h)
    return np.array(y)


def _made(producer: str, layers: int = 1, **attributes) -> Callable[[Path], Attempt]:
    """A function that writes GRUs 4 -> 6 -> ... of a producer with more attributes."""

    def make(folder: Path) -> Attempt:
        import onnx

        rng = np.random.default_rng(0)
        x = rng.standard_normal((20, 4))
        constants, nodes, y, name = {"directions": np.array([1])}, [], x, "x"
        for i in range(layers):
            w, r = (0.8 * rng.standard_normal((18, n)) for n in (y.shape[1], 6))
            b = rng.standard_normal((2, 3, 6))
            constants |= {
                f"W{i}": w[None].astype(np.float32),
                f"R{i}": r[None].astype(np.float32),
                f"B{i}": b.reshape(1, -1).astype(np.float32),
            }
            node = onnx.helper.make_node
            inputs = [name, f"W{i}", f"R{i}", f"B{i}"]
            name = "y" if i == layers - 1 else f"y{i}"
            nodes += [
                node("GRU", inputs, [f"all{i}"], f"gru{i}", hidden_size=6, **attributes),
                node("Squeeze", [f"all{i}", "directions"], [name], f"squeeze{i}"),
            ]
            y = _gru(y, w, r, b)
        value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
        graph = onnx.helper.make_graph(
            nodes,
            "graph",
            [value("x", kind, ("frames", "batch", 4))],
            [value("y", kind, None)],
            [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()],
        )
        opset = [onnx.helper.make_opsetid("", 17)]
        model = onnx.helper.make_model(
            graph, opset_imports=opset, ir_version=8, producer_name=producer
        )
        onnx.save(model, folder / "m.onnx")
        arguments = ("import", "m.onnx", "--block", "1", "--word", "18", "-o", "design")
        return Attempt(x, y, arguments)

    return make


CASES = [
    Case("forgotten attribute", "two GRUs of PyTorch", _made("pytorch", 2), "0.7", "warned",
         says="'gru1' (GRU): linear_before_reset is missing", needs=("onnx",)),
    Case("forgotten attribute", "PyTorch, the attribute is 0", _made("pytorch", linear_before_reset=0), "0.62", "warned",
         says="linear_before_reset is 0", needs=("onnx",)),
    Case("forgotten attribute", "Keras, by tf2onnx", _made("tf2onnx"), "0.62", "warned",
         says="Keras' GRU", needs=("onnx",)),
    Case("forgotten attribute", "PyTorch, the attribute is there", _made("pytorch", linear_before_reset=1), "0.00011",
         "right", needs=("onnx",)),
]  # fmt: skip
