"""ONNX graphs whose axes were once told apart by their sizes, or not at all: refused, or right."""

import numpy as np
import pytest
from foreign_models import onnx_model, onnx_module, recurrent_model
from graph_outcome import outcome, runtime
from tools import require_module

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.source import read_source

pytestmark = pytest.mark.onnx

HIDDEN = 6
#: Frames, sequences, elements and cells are equally many.
EQUAL = (HIDDEN, HIDDEN, HIDDEN)
OPEN = ("frames", "batch", HIDDEN)


def behind_gru(nodes, constants, dims=EQUAL, output="z", producer="", **attributes):
    """A GRU x -> "y" (frames, batch, 6) with more nodes behind it."""
    attributes = {"linear_before_reset": 1} | attributes
    made = recurrent_model(
        "GRU", HIDDEN, HIDDEN, without=["initial_h"], input_shape=dims, **attributes
    )
    numpy_helper = onnx_module().numpy_helper
    own = {i.name: numpy_helper.to_array(i) for i in made.graph.initializer}
    everything = [*made.graph.node, *nodes]
    return onnx_model(everything, {"x": dims}, [output], own | constants, producer_name=producer)


def node(kind, inputs, output, **attributes):
    return onnx_module().helper.make_node(kind, inputs, [output], output, **attributes)


def random(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def saved(model, folder):
    onnx_module().save(model, folder / "m.onnx")
    return folder / "m.onnx"


def refusal(model, folder) -> str:
    with pytest.raises(DesignError) as caught:
        read_source(saved(model, folder))
    return str(caught.value)


@pytest.mark.parametrize(("perm", "meaning"), [([1, 2, 0], "frames"), ([0, 2, 1], "sequences")])
def test_linear_layer_along_another_axis_of_the_same_size(tmp_path, perm, meaning):
    nodes = [node("Transpose", ["y"], "turned", perm=perm), node("MatMul", ["turned", "w"], "z")]
    message = refusal(behind_gru(nodes, {"w": random(HIDDEN, HIDDEN)}), tmp_path)
    assert f"'z' (MatMul): works along {meaning}, not along the elements of a frame" in message


@pytest.mark.parametrize("shape", [(HIDDEN, 1, 1), (HIDDEN, 1), (1, HIDDEN, 1)])
def test_vector_added_along_another_axis_of_the_same_size(tmp_path, shape):
    nodes = [node("MatMul", ["y", "w"], "product"), node("Add", ["product", "b"], "z")]
    model = behind_gru(nodes, {"w": random(HIDDEN, HIDDEN), "b": random(*shape)})
    assert f"'z' (Add): the bias has shape {shape}, along " in refusal(model, tmp_path)


def test_vector_added_to_turned_elements_is_their_bias(tmp_path):
    nodes = [
        node("MatMul", ["y", "w"], "product"),
        node("Transpose", ["product"], "turned", perm=[2, 0, 1]),
        node("Add", ["turned", "b"], "z"),
    ]
    model = behind_gru(nodes, {"w": random(HIDDEN, HIDDEN), "b": random(HIDDEN, 1, 1)})
    require_module("onnxruntime", "pip install onnxruntime")
    x = random(*EQUAL)
    found = outcome(saved(model, tmp_path), [(x, runtime(model)(x))], 2, 0)
    assert found[0] == "right", found[1]


@pytest.mark.parametrize("shape", [(-1, 4, HIDDEN), (4, -1, HIDDEN), (-1, 12), (2, -1, 4, HIDDEN)])
def test_shapes_that_may_stack_frames(tmp_path, shape):
    nodes = [node("Reshape", ["y", "shape"], "z")]
    message = refusal(behind_gru(nodes, {"shape": np.array(shape)}, OPEN), tmp_path)
    assert "'z' (Reshape): makes other axes of (frames, batch, 6)" in message


@pytest.mark.parametrize(
    ("shape", "dims"),
    [
        ((0, -1, HIDDEN), OPEN),
        ((0, 0, -1), OPEN),
        ((-1, 4, HIDDEN), ("frames", 4, HIDDEN)),
        ((-1, HIDDEN), OPEN),
        (EQUAL, EQUAL),
    ],
)
def test_shapes_that_keep_the_axes(tmp_path, shape, dims):
    onnx = require_module("onnxruntime", "pip install onnxruntime") and onnx_module()
    nodes = [node("Reshape", ["y", "shape"], "shaped"), node("MatMul", ["shaped", "w"], "z")]
    constants = {"shape": np.array(shape), "w": random(HIDDEN, 3)}
    model = behind_gru(nodes, constants, dims)
    x = random(*(n if isinstance(n, int) else 5 for n in dims))
    onnx.save(model, tmp_path / "m.onnx")
    found = outcome(tmp_path / "m.onnx", [(x, runtime(model)(x))], 2, 0)
    assert found[0] == "right", found[1]


def test_flatten_of_frames_and_elements(tmp_path):
    nodes = [node("Flatten", ["y"], "flat", axis=1), node("MatMul", ["flat", "w"], "z")]
    message = refusal(behind_gru(nodes, {"w": random(HIDDEN**2, 3)}), tmp_path)
    assert "'flat' (Flatten): joins" in message


def test_linear_layers_alone_take_the_last_axis_of_the_input(tmp_path):
    nodes = [
        node("Transpose", ["x"], "turned", perm=[0, 2, 1]),
        node("MatMul", ["turned", "w"], "y"),
    ]
    model = onnx_model(nodes, {"x": EQUAL}, ["y"], {"w": random(HIDDEN, 3)})
    assert "takes axis 1 of the graph's input, which is not its last" in refusal(model, tmp_path)


def test_zero_states_of_another_size_than_the_node_states(tmp_path):
    """A one-layer LSTM with proj_size as PyTorch's newer exporter writes it, sizes open."""
    model = recurrent_model("LSTM", 4, 6, without=["initial_h", "initial_c", "P"])
    make = onnx_module().helper.make_node
    before = [
        make("Shape", ["x"], ["batch"], "batch", start=1, end=2),
        make("Concat", ["one", "batch", "eight"], ["sizes"], "sizes", axis=0),
        make("Expand", ["zero", "sizes"], ["state"], "state"),
    ]
    model.graph.node[0].input[6:] = ["state"]
    nodes = [*before, *model.graph.node]
    helper = onnx_module().numpy_helper
    constants = {i.name: helper.to_array(i) for i in model.graph.initializer}
    constants |= {"one": np.array([1]), "eight": np.array([8]), "zero": np.zeros((), np.float32)}
    model = onnx_model(nodes, {"x": ("frames", "batch", 4)}, ["y"], constants)
    message = refusal(model, tmp_path)
    assert "initial_c has shape (1, ?, 8), must be (1, ?, 6)" in message
    assert "proj_size" in message
    assert "state dict" in message


def test_sizes_that_the_file_states_otherwise(tmp_path):
    model = behind_gru([node("Identity", ["y"], "z")], {}, OPEN)
    stated = onnx_module().helper.make_tensor_value_info("y", 1, ("frames", "batch", 8))
    model.graph.value_info.append(stated)
    message = refusal(model, tmp_path)
    assert (
        "the file states the sizes (frames, batch, 8) for 'y', but its inputs give (?, ?, 6)"
        in message
    )


@pytest.mark.parametrize(
    ("producer", "attributes", "said"),
    [
        ("pytorch", {}, "linear_before_reset is missing"),
        ("pytorch", {"linear_before_reset": 0}, "linear_before_reset is 0"),
        ("tf2onnx", {}, "Keras' GRU"),
        ("tf2onnx", {"linear_before_reset": 0}, ""),
        ("pytorch", {"linear_before_reset": 1}, ""),
        ("somebody", {}, ""),
    ],
)
def test_forgotten_reset_of_a_producer_whose_gru_resets_after(tmp_path, producer, attributes, said):
    model = behind_gru([node("Identity", ["y"], "z")], {}, OPEN, producer=producer, **attributes)
    if "linear_before_reset" not in attributes:
        own = model.graph.node[0].attribute
        own.remove(next(a for a in own if a.name == "linear_before_reset"))
    notes = read_source(saved(model, tmp_path)).notes
    assert [said in note for note in notes] == ([True] if said else [])
