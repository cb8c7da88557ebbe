"""What ONNX files say in other versions of the operators, in data beside the file, and of sizes that contradict each other."""

import numpy as np
import pytest
from foreign_models import onnx_module, recurrent_model

from ernn_myhdl import DesignError, import_model

pytestmark = pytest.mark.onnx
X = np.random.default_rng(4).standard_normal((7, 4))


def model_of(version, nodes, axes, **constants):
    """Nodes from a, which x and a matrix make, to y; axes: of x."""
    onnx = onnx_module()
    helper = onnx.helper
    matrix = np.random.default_rng(3).standard_normal((4, 3)).astype(np.float32)
    made = [helper.make_node("MatMul", ["x", "w"], ["a"])]
    made += [helper.make_node(kind, given, [gives], f"n_{gives}", **a) for kind, given, gives, a in nodes]  # fmt: skip
    arrays = [onnx.numpy_helper.from_array(v, n) for n, v in ({"w": matrix} | constants).items()]
    ends = [helper.make_tensor_value_info(n, 1, [*axes[:-1], size]) for n, size in (("x", 4), ("y", 3))]  # fmt: skip
    graph = helper.make_graph(made, "g", ends[:1], ends[1:], arrays)
    imports = [helper.make_opsetid("", version)]
    return helper.make_model(graph, opset_imports=imports, ir_version=7), matrix


def soft(values):
    made = np.exp(values)
    return made / made.sum(-1, keepdims=True)


def imported(folder, model):
    onnx_module().save(model, folder / "model.onnx")
    return import_model(folder / "model.onnx", word=16)


@pytest.mark.parametrize(("version", "axes", "attributes"), [
    (13, [1, 7, 4], {}), (13, [7, 4], {}), (17, [1, 7, 4], {"axis": -1}), (11, [7, 4], {}), (9, [7, 4], {"axis": 1}), (11, [1, 7, 4], {"axis": 2}),
])  # fmt: skip
def test_a_softmax_is_over_the_elements_of_a_frame_where_its_version_says_so(
    version, axes, attributes, tmp_path
):
    model, matrix = model_of(version, [("Softmax", ["a"], "y", attributes)], axes)
    design = imported(tmp_path, model).design
    assert [step.kind for step in design.host_steps] == ["softmax"]
    assert np.abs(design.run(X, "integer").outputs - soft(X @ matrix)).max() < 1e-3


TURN = {"perm": [0, 2, 1]}


@pytest.mark.parametrize(("version", "nodes"), [
    (11, [("Softmax", ["a"], "y", {})]), (12, [("LogSoftmax", ["a"], "y", {"axis": 1})]),
    # over the elements alone in version 13, over elements and frames before
    (11, [("Transpose", ["a"], "b", TURN), ("Softmax", ["b"], "c", {"axis": 1}), ("Transpose", ["c"], "y", TURN)]),
])  # fmt: skip
def test_a_softmax_of_an_older_version_over_frames_and_elements_is_refused(
    version, nodes, tmp_path
):
    model, _ = model_of(version, nodes, [1, 7, 4])
    with pytest.raises(DesignError, match="together, as Softmax is before version 13.*axis = -1"):
        imported(tmp_path, model)


def test_a_constant_that_begins_at_an_axis_is_refused(tmp_path):
    nodes = [("Mul", ["a", "s"], "y", {"broadcast": 1, "axis": 0})]
    model, _ = model_of(6, nodes, [3, 4], s=np.ones(3, dtype=np.float32))
    with pytest.raises(DesignError, match=r"\(Mul\).*begins at axis 0.*version_converter"):
        imported(tmp_path, model)


@pytest.mark.parametrize(("inputs", "constants", "limits"), [
    (["a", "low"], {"low": 0.0}, (0.0, np.inf)), (["a", "", "high"], {"high": 0.5}, (-np.inf, 0.5)), (["a"], {}, (-np.inf, np.inf)),
    (["a", "low", "high"], {"low": -0.25, "high": 1.0}, (-0.25, 1.0)),
])  # fmt: skip
def test_a_clip_may_have_one_limit_or_none(inputs, constants, limits, tmp_path):
    arrays = {name: np.array(value, dtype=np.float32) for name, value in constants.items()}
    model, matrix = model_of(13, [("Clip", inputs, "y", {})], [7, 4], **arrays)
    design = imported(tmp_path, model).design
    assert np.abs(design.run(X, "integer").outputs - np.clip(X @ matrix, *limits)).max() < 1e-3


@pytest.mark.parametrize(("indices", "attributes"), [([[0, -1]], {}), ([[-1]], {"batch_dims": 1})])
def test_parts_of_several_axes_are_refused(indices, attributes, tmp_path):
    numbers = np.array(indices, dtype=np.int64)
    nodes = [("GatherND", ["a", "i"], "y", attributes)]
    model, _ = model_of(13, nodes, [1, 7, 4], i=numbers)
    with pytest.raises(DesignError, match=r"\(GatherND\): takes parts of several axes"):
        imported(tmp_path, model)


def test_weights_beside_the_file_are_read_and_missed_by_their_name(tmp_path):
    onnx = onnx_module()
    model = recurrent_model("GRU", 4, 6, 3, without=("initial_h",))
    onnx.save(model, tmp_path / "whole.onnx")
    onnx.save_model(model, tmp_path / "parted.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)  # fmt: skip
    whole, parted = (import_model(tmp_path / f"{n}.onnx", word=16) for n in ("whole", "parted"))
    a, b = (found.design.run(X, "integer").raw for found in (whole, parted))
    np.testing.assert_array_equal(a, b)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(
        DesignError, match="its weights are in the file 'weights.bin', which is not beside it"
    ):
        import_model(tmp_path / "parted.onnx")
