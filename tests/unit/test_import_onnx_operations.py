"""ONNX graphs with more than layers: constants folded into them, last functions of the host, states as inputs."""

import contextlib
import io
import logging
import warnings

import numpy as np
import pytest
from foreign_models import float_outputs, onnx_model, onnx_module, recurrent_model, torch_module
from tools import require_module

from ernn_myhdl import DesignError, export_model, import_model
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.design.cells import GruCell, LinearCell
from ernn_myhdl.design.host_steps import HostStep, stepped
from ernn_myhdl.exchange.source import read_source

pytestmark = pytest.mark.onnx

RNG = np.random.default_rng(5)
X = RNG.standard_normal((7, 2, 4)).astype(np.float32)


def numbers(*shape):
    return RNG.uniform(0.5, 2.0, shape).astype(np.float32)


def saved(model, folder, name="model.onnx"):
    onnx_module().save(model, folder / name)
    return folder / name


def outputs(model, x):
    runtime = require_module("onnxruntime", "pip install onnxruntime")
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


def behind(*nodes, head=3, **constants):
    """An LSTM with a head, whose output is h, and nodes from h to y."""
    onnx = onnx_module()
    model = recurrent_model("LSTM", 4, 6, head, without=("initial_h", "initial_c"))
    model.graph.node[-1].output[0] = "h"
    for kind, inputs, output, attributes in nodes:
        model.graph.node.append(onnx.helper.make_node(kind, inputs, output.split(), f"n_{output}", **attributes))  # fmt: skip
    arrays = [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()]
    model.graph.initializer.extend(arrays)
    return model


def before(*nodes, **constants):
    """Nodes from x to h, and an LSTM on h."""
    onnx = onnx_module()
    model = recurrent_model("LSTM", 4, 6, 0, without=("initial_h", "initial_c"))
    model.graph.node[0].input[0] = "h"
    made = [onnx.helper.make_node(k, i, [o], f"n_{o}", **a) for k, i, o, a in nodes]
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*made, *rest])
    arrays = [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()]
    model.graph.initializer.extend(arrays)
    return model


TURN = {"perm": [0, 2, 1]}
#: Nodes, constants, kinds of the layers, steps of the host.
BEHIND = {
    "softmax": ([("Softmax", ["h"], "y", {"axis": -1})], {}, ("softmax",)),
    "log-softmax": ([("LogSoftmax", ["h"], "y", {"axis": 2})], {}, ("log_softmax",)),
    "argmax": ([("ArgMax", ["h"], "y", {"axis": -1, "keepdims": 1})], {}, ("argmax",)),
    "top of one": ([("TopK", ["h", "k"], "values y", {"axis": -1})], {"k": np.array([1])}, ("argmax",)),
    "scaled": (
        [("Mul", ["h", "s"], "a", {}), ("Sub", ["o", "a"], "b", {}), ("Neg", ["b"], "c", {}), ("Div", ["c", "t"], "y", {})],
        {"s": numbers(3), "o": numbers(1, 1, 3), "t": numbers(1)}, (),
    ),
    "convolution": (
        [("Transpose", ["h"], "a", TURN), ("Conv", ["a", "w", "v"], "b", {"group": 3, "kernel_shape": [1]}), ("Transpose", ["b"], "y", TURN)],
        {"w": numbers(6, 1, 1), "v": numbers(6)}, (),
    ),
    "norm and softmax": (
        [("Transpose", ["h"], "a", TURN), ("BatchNormalization", ["a", "s", "o", "m", "v"], "b", {"epsilon": 0.1}), ("Transpose", ["b"], "c", TURN), ("Softmax", ["c"], "y", {"axis": -1})],
        {n: numbers(3) for n in "somv"}, ("softmax",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BEHIND)
def test_what_follows_a_layer_is_folded_or_the_hosts(case, tmp_path):
    nodes, constants, steps = BEHIND[case]
    model = behind(*nodes, **constants)
    if nodes[-1][0] in ("ArgMax", "TopK"):
        model.graph.output[0].type.tensor_type.elem_type = onnx_module().TensorProto.INT64
    source = read_source(saved(model, tmp_path))
    assert tuple(step.kind for step in source.steps) == steps
    y = outputs(model, X)
    own = stepped(source.steps, float_outputs(source.layers, X))
    assert np.abs(own - y).max() < 2e-6 * max(1, np.abs(y).max())


@pytest.mark.parametrize("kind", ["Mul", "Add", "Sub", "Div", "BatchNormalization"])
def test_what_precedes_a_layer_is_folded_into_it(kind, tmp_path):
    if kind == "BatchNormalization":
        nodes = [("Transpose", ["x"], "a", TURN), (kind, ["a", "s", "o", "m", "v"], "b", {}), ("Transpose", ["b"], "h", TURN)]  # fmt: skip
        model = before(*nodes, **{n: numbers(4) for n in "somv"})
    else:
        model = before((kind, ["x", "s"], "h", {}), s=numbers(4))
    source = read_source(saved(model, tmp_path))
    assert [layer.kind for layer in source.layers] == ["lstm"]
    assert np.abs(float_outputs(source.layers, X) - outputs(model, X)).max() < 1e-6


def test_last_functions_of_hardware_are_the_hosts_only_if_asked(tmp_path):
    file = saved(behind(("Sigmoid", ["h"], "y", {})), tmp_path)
    source = read_source(file)
    assert source.layers[-1].activation == "sigmoid" and source.steps == ()
    source = read_source(file, host_functions=True)
    assert source.layers[-1].activation == "none" and source.steps == (HostStep("sigmoid"),)


def test_a_function_between_layers_is_the_activation_of_the_one_before(tmp_path):
    nodes = (("Relu", ["h"], "a", {}), ("MatMul", ["a", "w"], "y", {}))
    source = read_source(saved(behind(*nodes, w=numbers(3, 3)), tmp_path))
    assert [layer.activation for layer in source.layers[-2:]] == ["relu", "none"]


REFUSED = {
    "softmax over the sequences": ([("Softmax", ["h"], "y", {"axis": 1})], {}, "works along sequences"),
    "numbers for the sequences": ([("Mul", ["h", "s"], "y", {})], {"s": numbers(2, 1)}, "along sequences"),
    "division by a signal": ([("Div", ["s", "h"], "y", {})], {"s": numbers(3)}, r"\(Div\)"),
    "a quotient": ([("Div", ["h", "h"], "y", {})], {}, "joins two signals"),
    "wide convolution": (
        [("Transpose", ["h"], "a", TURN), ("Conv", ["a", "w"], "y", {})], {"w": numbers(3, 3, 2)}, r"\(Conv\): runs over another axis",
    ),
    "function between layers": (
        [("Elu", ["h"], "a", {}), ("MatMul", ["a", "w"], "y", {})], {"w": numbers(3, 3)}, r"\(Elu\)",
    ),
    "division by zero": ([("Div", ["h", "s"], "y", {})], {"s": np.zeros(3, np.float32)}, "divides by zero"),
    "top of three": ([("TopK", ["h", "k"], "values y", {})], {"k": np.array([3])}, "TopK.*the 3 largest elements.*sort"),
    "smallest": ([("TopK", ["h", "k"], "values y", {"largest": 0})], {"k": np.array([1])}, "the 1 smallest elements"),
    "top over sequences": ([("TopK", ["h", "k"], "values y", {"axis": 1})], {"k": np.array([1])}, "TopK"),
    "value of the top": ([("TopK", ["h", "k"], "y numbers", {})], {"k": np.array([1])}, "export the model with the indices alone"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_layer_computes_is_refused_by_name(case, tmp_path):
    nodes, constants, words = REFUSED[case]
    with pytest.raises(DesignError, match=words):
        read_source(saved(behind(*nodes, **constants), tmp_path), host_functions=True)


def test_nodes_appended_to_an_exported_file_are_not_dropped(tmp_path):
    """The metadata tell the steps of the host; what was added behind them later is in the nodes alone."""
    onnx = onnx_module()
    design = new_network([GruCell(4, 6, 2), LinearCell(6, 3, 1)], lanes=2).with_host_steps(
        (HostStep("affine", (0, 2), (2.0,), (1.0,)), HostStep("softmax", (0, 2)))
    )
    export_model(design, tmp_path / "model.onnx")
    assert read_source(tmp_path / "model.onnx").steps == design.host_steps
    model = onnx.load(str(tmp_path / "model.onnx"))
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(onnx.helper.make_node("Relu", ["before"], ["y"], "later"))
    with pytest.raises(DesignError, match="Softmax|later"):
        read_source(saved(model, tmp_path))
    model = onnx.load(str(tmp_path / "model.onnx"))
    export_model(
        design.with_host_steps((HostStep("softmax"),)), tmp_path / "model.onnx", force=True
    )
    model = onnx.load(str(tmp_path / "model.onnx"))
    model.graph.node[-2].op_type = "LogSoftmax"
    assert read_source(saved(model, tmp_path)).steps == (HostStep("log_softmax"),)


def test_weights_that_are_integers_with_scales_are_read_as_their_numbers(tmp_path):
    onnx = onnx_module()
    rng = np.random.default_rng(3)
    words, scales = rng.integers(-128, 128, (3, 4)).astype(np.int8), rng.uniform(0.003, 0.1, 4)
    arrays = {"w": words, "s": scales.astype(np.float32), "z": np.array([0, 3, -5, 0], np.int8)}
    node = onnx.helper.make_node
    nodes = [node("DequantizeLinear", ["w", "s", "z"], ["d"], "weights", axis=1), node("MatMul", ["x", "d"], ["y"], "dense")]  # fmt: skip

    def file(nodes):
        shape = [1, 5, 3]
        tensor = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            nodes, "g", [tensor("x", 1, shape)], [tensor("y", 1, None)],
            [onnx.numpy_helper.from_array(a, n) for n, a in arrays.items()],
        )  # fmt: skip
        opset = [onnx.helper.make_opsetid("", 17)]
        return saved(onnx.helper.make_model(graph, opset_imports=opset), tmp_path)

    (layer,) = read_source(file(nodes)).layers
    wanted = (words.astype(float) - arrays["z"]) * scales
    assert np.allclose(layer.weights["input_weight"][0], wanted.T, rtol=1e-6)
    arrays |= {"one": np.array(0.1, np.float32)}
    rounded = [node("QuantizeLinear", ["x", "one"], ["q"], "round"), node("DequantizeLinear", ["q", "one"], ["r"]), nodes[0], node("MatMul", ["r", "d"], ["y"], "dense")]  # fmt: skip
    with pytest.raises(DesignError, match="'round' .QuantizeLinear.: rounds a signal in a format of its own"):  # fmt: skip
        read_source(file(rounded))


# -- Keras and tf2onnx -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Loop", "Scan"])
def test_loops_over_frames_are_refused_with_the_way_over_the_keras_file(kind, tmp_path):
    onnx = onnx_module()
    body = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["a"], ["b"])], "body", [], [])
    model = behind((kind, ["h"], "y", {"body": body}))
    with pytest.raises(DesignError, match=rf"'n_y' \({kind}\): is a loop.*model\.keras"):
        read_source(saved(model, tmp_path))


def test_layers_of_keras_that_an_exporter_has_taken_apart_are_named(tmp_path):
    model = behind(("Sigmoid", ["h"], "y", {}))
    told = model.graph.node[-1].metadata_props.add()
    told.key = "pkg.torch.onnx.class_hierarchy"
    told.value = (
        "['keras.src.models.sequential.Sequential', 'keras.src.layers.rnn.gru.GRU', 'aten.sigmoid']"
    )
    with pytest.raises(DesignError, match=r"part of a GRU of Keras.*model\.keras"):
        read_source(saved(model, tmp_path))


def test_what_tf2onnx_writes_is_read_or_refused_with_the_way_over_the_keras_file(tmp_path):
    """An LSTM that it recognises, with states that it makes of the batch's size."""
    model = behind()
    model.graph.node[-1].output[0] = "y"
    model.producer_name = "tf2onnx"
    assert [layer.kind for layer in read_source(saved(model, tmp_path)).layers] == [
        "lstm",
        "linear",
    ]
    model = behind(("Elu", ["h"], "y", {}))
    model.producer_name = "tf2onnx"
    with pytest.raises(DesignError, match=r"\(Elu\).*model\.keras"):
        read_source(saved(model, tmp_path))


def test_what_keras_exports_by_pytorch_is_refused_with_the_way_over_the_keras_file(tmp_path):
    """A GRU begins with the product of a state of zeros, in a file of PyTorch; an input without a name is keras_tensor."""
    sizes = [("Shape", ["x"], "s", {}), ("Gather", ["s", "one"], "b", {"axis": 0}), ("Concat", ["b", "four"], "bs", {"axis": 0}), ("ConstantOfShape", ["bs"], "zeros", {})]  # fmt: skip
    constants = {"one": np.array([1]), "four": np.array([4]), "r": numbers(4, 12)}
    model = before(*sizes, ("MatMul", ["zeros", "r"], "p", {}), ("Add", ["x", "p"], "h", {}), **constants)  # fmt: skip
    model.producer_name = "pytorch"
    with pytest.raises(DesignError, match=r"'n_p' \(MatMul\).*a state of zeros.*\.keras") as caught:
        read_source(saved(model, tmp_path))
    assert "\n" not in str(caught.value)
    model = behind(("Elu", ["h"], "y", {}))
    model.graph.input[0].name = model.graph.node[0].input[0] = "keras_tensor_3"
    with pytest.raises(DesignError, match=r"\(Elu\).*model\.keras"):
        read_source(saved(model, tmp_path))


# -- states as inputs --------------------------------------------------------------------------------------------------


def test_states_that_are_inputs_make_a_design_that_takes_them(tmp_path):
    model = recurrent_model("LSTM", 4, 6, 3, without=("initial_h", "initial_c"))
    onnx = onnx_module()
    model.graph.node[0].input[5:7] = ["h0", "c0"]
    model.graph.node[0].output.extend(["hn", "cn"])
    for name in ("h0", "c0"):
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, 1, (1, 2, 6)))
    for name in ("hn", "cn"):
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, 1, None))
    imported = import_model(saved(model, tmp_path), word=16)
    assert imported.design.stream_shape.initial_states
    assert any("recurrent output = 'h0', recurrent cell_state = 'c0'" in n for n in imported.notes)
    assert any("'hn', 'cn' are states behind the last frame" in note for note in imported.notes)
    runtime = require_module("onnxruntime", "pip install onnxruntime")
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    h, c = (RNG.uniform(-0.9, 0.9, (1, 2, 6)).astype(np.float32) for _ in range(2))
    y, hn, cn = session.run(None, {"x": X, "h0": h, "c0": c})
    states = [[{"output": h[0, i], "cell_state": c[0, i]}, None] for i in range(2)]
    run = imported.design.run([X[:, 0], X[:, 1]], "integer", initial=states)
    assert np.abs(run.outputs - np.concatenate([y[:, 0], y[:, 1]])).max() < 1e-3
    formats = imported.design.layers[0].formats
    for i, (state, *_) in enumerate(run.final_states()):
        assert np.abs(state["output"] * formats.output.lsb - hn[0, i]).max() < 1e-3
        assert np.abs(state["cell_state"] * formats.cell_state.lsb - cn[0, i]).max() < 1e-3


@pytest.mark.parametrize("case", ["half", "used twice", "size"])
def test_states_that_the_core_cannot_take_are_refused(case, tmp_path):
    onnx = onnx_module()
    without = ("initial_h",) if case == "half" else ("initial_h", "initial_c")
    model = recurrent_model("LSTM", 4, 6, 0, without=without)
    node = model.graph.node[0]
    size = 5 if case == "size" else 6
    node.input[5] = "h0"
    model.graph.input.append(onnx.helper.make_tensor_value_info("h0", 1, (1, 2, size)))
    if case == "used twice":
        model.graph.node[1].output[0] = "before"
        model.graph.node.append(onnx.helper.make_node("Add", ["before", "h0"], ["y"], "added"))
    words = {"half": "all of", "used twice": "must be a constant", "size": "must have 6"}[case]
    with pytest.raises(DesignError, match=words):
        read_source(saved(model, tmp_path))


@pytest.mark.torch
@pytest.mark.parametrize("dynamo", [False, True])
def test_streaming_exports_of_both_exporters(dynamo, tmp_path):
    """Two layers: each takes its own part of h0 and c0."""
    torch = torch_module()
    require_module("onnxscript", "pip install onnxscript")

    class Streaming(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.LSTM(4, 6, 2, batch_first=True)

        def forward(self, x, h0, c0):
            y, (hn, cn) = self.rnn(x, (h0, c0))
            return y, hn, cn

    given = (torch.randn(2, 5, 4), torch.randn(2, 2, 6), torch.randn(2, 2, 6))
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Streaming().eval(), given, str(tmp_path / "m.onnx"), dynamo=dynamo, input_names=["x", "h0", "c0"],
                output_names=["y", "hn", "cn"], **({"verbose": False} if dynamo else {}),
            )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)
    source = read_source(tmp_path / "m.onnx")
    assert source.given_states
    first, second = (layer.name for layer in source.layers)
    told = f"({first} output = 'h0'[0], {first} cell_state = 'c0'[0], {second} output = 'h0'[1], {second} cell_state = 'c0'[1])"
    assert any(told in note for note in source.notes)


def test_a_graph_without_layers_is_refused(tmp_path):
    """A graph of affine operations alone has no layer."""
    make = onnx_module().helper.make_node
    model = onnx_model([make("Mul", ["x", "s"], ["y"], "only")], {"x": ("t", "b", 4)}, ["y"], {"s": numbers(4)})  # fmt: skip
    with pytest.raises(DesignError, match="no output that follows from"):
        read_source(saved(model, tmp_path))
