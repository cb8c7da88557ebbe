"""A Conv1D of Keras as tf2onnx writes it: a convolution of pictures of one row."""

from __future__ import annotations

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import DesignError, import_model

onnx = require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
pytestmark = pytest.mark.torch
KERNEL = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)


def saved(file, axis, dilation=1, **attributes):
    """x (1, 9, 5), padded on the left; axis: of the row, None for a convolution of one axis."""
    node, flat = onnx.helper.make_node, axis is not None
    kernel = KERNEL if not flat else np.expand_dims(KERNEL, axis)
    dilations = [dilation] if not flat else [1, dilation] if axis == 2 else [dilation, 1]
    nodes = [
        node("Pad", ["x", "pads"], ["padded"]),
        node("Transpose", ["padded"], ["turned"], perm=[0, 2, 1]),
        *([node("Unsqueeze", ["turned", "axis"], ["wide"])] if flat else []),
        node("Conv", ["wide" if flat else "turned", "kernel"], ["sums"], "conv", dilations=dilations, **attributes),
        *([node("Squeeze", ["sums", "axis"], ["flat"])] if flat else []),
        node("Transpose", ["flat" if flat else "sums"], ["y"], perm=[0, 2, 1]),
    ]  # fmt: skip
    arrays = {"pads": np.array([0, 2 * dilation, 0, 0, 0, 0]), "kernel": kernel, "axis": np.array([axis or 0])}  # fmt: skip
    float32 = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes, "graph", [onnx.helper.make_tensor_value_info("x", float32, ["n", 9, 5])],
        [onnx.helper.make_tensor_value_info("y", float32, None)],
        [onnx.numpy_helper.from_array(a, n) for n, a in arrays.items()],
    )  # fmt: skip
    opset = [onnx.helper.make_opsetid("", 15)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, producer_name="tf2onnx"), file)
    return file


@pytest.mark.parametrize(("axis", "dilation"), [(2, 1), (3, 2)])
def test_a_convolution_of_one_row_is_one_over_frames(axis, dilation, tmp_path):
    flat, plain = (
        import_model(saved(tmp_path / f"{name}.onnx", name, dilation)).design
        for name in (axis, None)
    )
    assert flat.graph == plain.graph and flat.graph.windows[0][1].dilation == dilation
    for name, weights in plain.layers[0].weights.items():
        assert np.array_equal(flat.layers[0].weights[name], weights)


def test_other_paddings_of_a_row_stay_refused(tmp_path):
    with pytest.raises(DesignError, match=r"conv.*model.save\('model.keras'\)"):
        import_model(saved(tmp_path / "m.onnx", 2, pads=[0, 1, 0, 1]))
