"""ONNX files whose sizes contradict each other; the outputs are of the model that was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.import_cases.case import Attempt, Case


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _lstm(x, w, r, b, projection=None):
    """Outputs of an LSTM, gates i, o, f, c as in ONNX; projection (outputs, hidden) or None."""
    hidden = len(w) // 4
    h, c, y = np.zeros(r.shape[1]), np.zeros(hidden), []
    for frame in x:
        i, o, f, g = (w @ frame + r @ h + b).reshape(4, hidden)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        h = h if projection is None else projection @ h
        y.append(h)
    return np.array(y)


def _made(change: Callable, hidden: int = 8, projected: int = 0) -> Callable[[Path], Attempt]:
    """A function that writes an LSTM 4 -> hidden with sizes of frames and batch open, changed by
    change(onnx, nodes, constants) before; projected: outputs of the model that was meant, whose node holds the
    first rows of its matrices only, as PyTorch's exporter cuts them."""

    def make(folder: Path) -> Attempt:
        import onnx

        rng = np.random.default_rng(0)
        width = projected or hidden
        w, r = (0.6 * rng.standard_normal((4 * hidden, n)) for n in (4, width))
        b = rng.standard_normal(4 * hidden)
        projection = 0.6 * rng.standard_normal((width, hidden)) if projected else None
        constants = {
            "W": w[None, : 4 * width].astype(np.float32),
            "R": r[None, : 4 * width].astype(np.float32),
            "B": np.concatenate([b[: 4 * width], np.zeros(4 * width)])[None].astype(np.float32),
            "directions": np.array([1]),
        }
        node = onnx.helper.make_node
        nodes = [
            node("LSTM", ["x", "W", "R", "B"], ["all"], "lstm", hidden_size=width),
            node("Squeeze", ["all", "directions"], ["y"], "squeeze"),
        ]
        stated = change(onnx, nodes, constants) or {}
        value = onnx.helper.make_tensor_value_info
        kind = onnx.TensorProto.FLOAT
        graph = onnx.helper.make_graph(
            nodes,
            "graph",
            [value("x", kind, ("frames", "batch", 4))],
            [value("y", kind, stated.get("y"))],
            [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()],
            value_info=[value(n, kind, s) for n, s in stated.items() if n != "y"],
        )
        opset = [onnx.helper.make_opsetid("", 17)]
        model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
        (folder / "m.onnx").write_bytes(model.SerializeToString())
        x = rng.standard_normal((20, 4))
        arguments = ("import", "m.onnx", "--block", "1", "--word", "18", "-o", "design")
        return Attempt(x, _lstm(x, w, r, b, projection), arguments)

    return make


def _zero_states(h: int, c: int) -> Callable:
    """States of zeros for as many sequences as x has, with these numbers of cells."""

    def change(onnx, nodes, constants):
        node = onnx.helper.make_node
        constants |= {"one": np.array([1]), "h": np.array([h]), "c": np.array([c])}
        before = [
            node("Shape", ["x"], ["batch"], "batch", start=1, end=2),
            node("Concat", ["one", "batch", "h"], ["h_shape"], "h_shape", axis=0),
            node("Concat", ["one", "batch", "c"], ["c_shape"], "c_shape", axis=0),
            node("ConstantOfShape", ["h_shape"], ["h0"], "h0"),
            node("ConstantOfShape", ["c_shape"], ["c0"], "c0"),
        ]
        nodes[:0] = before
        lstm = next(n for n in nodes if n.op_type == "LSTM")
        lstm.input.extend(["", "h0", "c0"])

    return change


def _stated(**sizes) -> Callable:
    """Sizes that the file states for tensors."""
    return lambda onnx, nodes, constants: sizes


def _both(*changes: Callable) -> Callable:
    def change(onnx, nodes, constants):
        stated: dict = {}
        for each in changes:
            stated |= each(onnx, nodes, constants) or {}
        return stated

    return change


CASES = [
    Case("broken sizes", "cells cut from 10 to 4, states of 10", _made(_zero_states(4, 10), 10, 4),
         "0.62", "refused", says="initial_c has shape", needs=("onnx",)),
    Case("broken sizes", "cells cut from 8 to 5, output stated as 8", _made(_stated(y=("frames", "batch", 8)), 8, 5),
         "0.71", "refused", says="the file states the sizes", needs=("onnx",)),
    Case("broken sizes", "cells cut from 6 to 2, Y stated for 6", _made(_stated(all=("t", 1, "b", 6)), 6, 2),
         "0.77", "refused", says="the file states the sizes", needs=("onnx",)),
    Case("broken sizes", "cells cut from 7 to 3, both states of 7", _made(_zero_states(7, 7), 7, 3),
         "0.75", "refused", says="initial_h has shape", needs=("onnx",)),
    Case("broken sizes", "nothing cut, sizes stated as they are",
         _made(_both(_zero_states(8, 8), _stated(y=("frames", "batch", 8)))),
         "7.1e-05", "right", needs=("onnx",)),
]  # fmt: skip
