"""Layers, added vectors and shapes that mix frames, sequences and elements where their numbers are equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.import_cases.case import Attempt, Case

INPUTS = HIDDEN = 6


def _graph(
    nodes: Callable, dims: tuple, x_shape: tuple[int, int, int]
) -> Callable[[Path], Attempt]:
    """A function that writes a GRU x -> "h" (frames, batch, 6) with more nodes behind it: nodes(make, weights)
    gives them and constants; their output is "y". x_shape: of the x that the outputs are computed of."""

    def make(folder: Path) -> Attempt:
        import onnx
        import onnxruntime

        rng = np.random.default_rng(0)

        def weights(*shape):
            return (0.7 * rng.standard_normal(shape)).astype(np.float32)

        made = onnx.helper.make_node
        constants = {
            "W": weights(1, 3 * HIDDEN, INPUTS),
            "R": weights(1, 3 * HIDDEN, HIDDEN),
            "B": weights(1, 6 * HIDDEN),
            "directions": np.array([1]),
        }
        more, others = nodes(made, weights)
        chain = [
            made(
                "GRU",
                ["x", "W", "R", "B"],
                ["all"],
                "gru",
                hidden_size=HIDDEN,
                linear_before_reset=1,
            ),
            made("Squeeze", ["all", "directions"], ["h"], "squeeze"),
            *more,
        ]
        graph = onnx.helper.make_graph(
            chain,
            "graph",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, dims)],
            [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
            [
                onnx.numpy_helper.from_array(np.asarray(a), n)
                for n, a in (constants | others).items()
            ],
        )
        opset = [onnx.helper.make_opsetid("", 17)]
        model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
        onnx.save(model, folder / "m.onnx")
        x = rng.standard_normal(x_shape).astype(np.float32)
        session = onnxruntime.InferenceSession(str(folder / "m.onnx"))
        y = session.run(None, {"x": x})[0]
        y = y.reshape(len(x), x_shape[1], -1)
        sequences = [np.ascontiguousarray(x[:, i]) for i in range(x_shape[1])]
        arguments = ("import", "m.onnx", "--block", "1", "--word", "18", "-o", "design")
        return Attempt(sequences, [y[:, i] for i in range(x_shape[1])], arguments)

    return make


def _gemm_along_frames(make, weights):
    """One sequence: its axis is dropped, the two others turned, and a Gemm taken along the frames."""
    nodes = [
        make("Squeeze", ["h", "batch"], ["two"], "squeeze2"),
        make("Transpose", ["two"], ["turned"], "turn", perm=[1, 0]),
        make("Gemm", ["turned", "w", "b"], ["y"], "mixer"),
    ]
    return nodes, {"batch": np.array([1]), "w": weights(6, 6), "b": weights(6)}


def _bias_of_sequences(make, weights):
    """A bias (sequences, 1) behind a MatMul: another number for each sequence."""
    nodes = [
        make("MatMul", ["h", "w"], ["product"], "product"),
        make("Transpose", ["product"], ["turned"], "turn", perm=[0, 2, 1]),
        make("Add", ["turned", "b"], ["y"], "shift"),
    ]
    return nodes, {"w": weights(6, 6), "b": weights(6)}


def _over_sequences(make, weights):
    """A MatMul along the sequences of a batch, of which there are as many as cells."""
    nodes = [
        make("Transpose", ["h"], ["turned"], "turn", perm=[0, 2, 1]),
        make("MatMul", ["turned", "w"], ["product"], "mixer"),
        make("Transpose", ["product"], ["y"], "back", perm=[0, 2, 1]),
    ]
    return nodes, {"w": weights(6, 6)}


def _shaped(*shape: int) -> Callable:
    """A Reshape to this shape, and another GRU behind it."""

    def nodes(make, weights):
        made = [
            make("Reshape", ["h", "shape"], ["shaped"], "shape"),
            make(
                "GRU",
                ["shaped", "W", "R", "B"],
                ["all2"],
                "second",
                hidden_size=6,
                linear_before_reset=1,
            ),
            make("Squeeze", ["all2", "directions"], ["y"], "squeeze2"),
        ]
        return made, {"shape": np.array(shape)}

    return nodes


OPEN = ("frames", "batch", 6)
CASES = [
    Case("axes", "Gemm along the frames of one sequence, T = H", _graph(_gemm_along_frames, (6, 1, 6), (6, 1, 6)),
         "0.74", "refused", says="works along frames", needs=("onnx", "onnxruntime")),
    Case("axes", "MatMul along the sequences, B = H", _graph(_over_sequences, ("frames", 6, 6), (5, 6, 6)),
         "0.77", "refused", says="'mixer' (MatMul): works along", needs=("onnx", "onnxruntime")),
    Case("axes", "bias along the sequences, B = H", _graph(_bias_of_sequences, (5, 6, 6), (5, 6, 6)),
         "0.76", "refused", says="the bias has shape (6,), along", needs=("onnx", "onnxruntime")),
    Case("axes", "reshape(2, -1, 6) before a GRU, sizes open", _graph(_shaped(2, -1, 6), OPEN, (6, 4, 6)),
         "0.59", "refused", says="'shape' (Reshape)", needs=("onnx", "onnxruntime")),
    Case("axes", "reshape(-1, 3, 6) before a GRU, sizes open", _graph(_shaped(-1, 3, 6), OPEN, (6, 4, 6)),
         "0.38", "refused", says="'shape' (Reshape)", needs=("onnx", "onnxruntime")),
    Case("axes", "reshape(0, -1, 6), which keeps all, sizes open", _graph(_shaped(0, -1, 6), OPEN, (6, 4, 6)),
         "5e-05", "right", needs=("onnx", "onnxruntime")),
]  # fmt: skip
