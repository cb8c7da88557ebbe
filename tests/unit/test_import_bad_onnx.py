"""ONNX models that are damaged or not supported: exit code 2, one line that names what is wrong, no output."""

import shutil

import numpy as np
import pytest
from foreign_models import onnx_model, onnx_module, recurrent_model, refuse, zeros

from ernn_myhdl.cli.main import main

HIDDEN, INPUTS = 6, 4


def attribute(node=0, **values):
    """The model with attributes of a node set anew."""

    def change(onnx, model):
        kept = [a for a in model.graph.node[node].attribute if a.name not in values]
        del model.graph.node[node].attribute[:]
        model.graph.node[node].attribute.extend(kept)
        made = [onnx.helper.make_attribute(n, v) for n, v in values.items()]
        model.graph.node[node].attribute.extend(made)

    return change


def initializer(name, array):
    """The model with a constant of another value."""

    def change(onnx, model):
        tensor = next(t for t in model.graph.initializer if t.name == name)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, name))

    return change


def extra(kind, **attributes):
    """The model with a node before its output."""

    def change(onnx, model):
        model.graph.node[-1].output[0] = "before"
        node = onnx.helper.make_node(kind, ["before"], ["y"], "extra", **attributes)
        model.graph.node.append(node)

    return change


def damaged(name):
    def change(onnx, model):
        tensor = next(t for t in model.graph.initializer if t.name == name)
        tensor.raw_data = tensor.raw_data[:-4]

    return change


def no_initializer(name):
    def change(onnx, model):
        kept = [t for t in model.graph.initializer if t.name != name]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)

    return change


def as_input(name, *shape):
    def change(onnx, model):
        no_initializer(name)(onnx, model)
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, 1, shape))

    return change


def lengths(*values):
    def change(onnx, model):
        model.graph.node[0].input[4] = "lengths"
        array = np.array(values, dtype=np.int32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, "lengths"))

    return change


def lengths_as_input(onnx, model):
    model.graph.node[0].input[4] = "lengths"
    model.graph.input.append(onnx.helper.make_tensor_value_info("lengths", 6, [2]))


def huge(onnx, model):
    tensor = next(t for t in model.graph.initializer if t.name == "W")
    tensor.dims[:] = [1, 1 << 31, 1 << 31]


def negative(onnx, model):
    tensor = next(t for t in model.graph.initializer if t.name == "W")
    tensor.dims[:] = [1, -24, 4]


def no_nodes(onnx, model):
    del model.graph.node[:]


def no_inputs(onnx, model):
    del model.graph.input[:]


def no_outputs(onnx, model):
    del model.graph.output[:]


def unknown_output(onnx, model):
    model.graph.output[0].name = "elsewhere"


def foreign_domain(onnx, model):
    model.graph.node[0].domain = "com.example"


def mixed(onnx, model):
    """A reshape that mixes sequences and frames, which the newer exporter of PyTorch leaves out, is told by the sizes alone."""
    from onnx import TensorProto, helper

    sizes = ["frames", "((batch*frames)//5)", HIDDEN]
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, sizes))


def external(onnx, model):
    tensor = next(t for t in model.graph.initializer if t.name == "W")
    onnx.external_data_helper.set_external_data(tensor, "../../nowhere.bin")
    tensor.ClearField("raw_data")


def disordered(onnx, model):
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def other_axis(onnx, model):
    """The input's axes are turned before the node, after the first layer once more."""
    make = onnx.helper.make_node
    second = make("LSTM", ["turned", "W2", "R"], ["all2"], "second", hidden_size=6)
    model.graph.node.extend([make("Transpose", ["y"], ["turned"], "turn", perm=[1, 0, 2]), second])
    w = onnx.numpy_helper.from_array(zeros(1, 24, 6), "W2")
    model.graph.initializer.append(w)
    model.graph.output[0].name = "all2"


def doubled(onnx, model):
    """A constant that doubles forty times."""
    names = ["W", *[f"w{i}" for i in range(40)]]
    nodes = [
        onnx.helper.make_node("Concat", [a, a], [b], b, axis=2)
        for a, b in zip(names, names[1:], strict=False)
    ]
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes + rest)


ONNX = {
    "reverse": (attribute(direction="reverse"), ["'recurrent' (LSTM)", "direction 'reverse'"]),
    "bidirectional": (attribute(direction="bidirectional"), ["direction 'bidirectional'"]),
    "clip": (attribute(clip=1.0), ["'recurrent' (LSTM)", "clip = 1.0"]),
    "input_forget": (attribute(input_forget=1), ["input_forget = 1"]),
    "activation": (attribute(activations=["Relu", "Tanh", "Tanh"]), ["Relu", "Sigmoid, Tanh, Tanh"]),
    "candidate": (attribute(activations=["Sigmoid", "Elu", "Tanh"]), ["activation Elu"]),
    "output": (attribute(activations=["Sigmoid", "Tanh", "Sigmoid"]), ["activations"]),
    "few activations": (attribute(activations=["Sigmoid"]), ["activations Sigmoid"]),
    "alpha": (attribute(activation_alpha=[0.5]), ["activation_alpha"]),
    "layout": (attribute(layout=2), ["layout = 2"]),
    "type of an attribute": (attribute(direction=1), ["'recurrent' (LSTM)", "is damaged"]),
    "attribute": (attribute(output_sequence=1), ["attribute output_sequence"]),
    "hidden size": (attribute(hidden_size=7), ["W has shape", "(1, 28, 4)"]),
    "hidden size 0": (attribute(hidden_size=0), ["hidden_size = 0"]),
    "shape of W": (initializer("W", zeros(1, 23, 4)), ["W has shape (1, 23, 4)"]),
    "shape of R": (initializer("R", zeros(1, 24, 5)), ["R has shape (1, 24, 5)"]),
    "shape of B": (initializer("B", zeros(1, 47)), ["B has shape (1, 47)"]),
    "shape of P": (initializer("P", zeros(1, 17)), ["P has shape (1, 17)"]),
    "shape of initial_h": (initializer("initial_h", zeros(1, 2, 5)), ["initial_h has shape"]),
    "two directions": (initializer("W", zeros(2, 24, 4)), ["W has shape (2, 24, 4)"]),
    "integers": (initializer("W", zeros(1, 24, 4, dtype=np.int32)), ["W has type int32"]),
    "NaN": (initializer("R", np.full((1, 24, 6), np.nan, np.float32)), ["R holds NaN"]),
    "states of a batch": (
        initializer("initial_c", np.arange(12, dtype=np.float32).reshape(1, 2, 6)),
        ["initial_c differs"],
    ),
    "damaged": (damaged("W"), ["initializer 'W' is damaged"]),
    "missing": (no_initializer("W"), ["'recurrent' (LSTM)", "'W' is made by no node"]),
    "W as an input": (as_input("W", 1, 24, 4), ["W 'W' is an input of the graph"]),
    "state as an input": (as_input("initial_h", 1, 2, 6), ["initial_h", "input of the graph"]),
    "lengths": (lengths(3, 2), ["sequence_lens varies"]),
    "lengths of a model that takes any": (lengths(3, 3), ["sequence_lens is 3, the input has any"]),
    "lengths at run time": (lengths_as_input, ["sequence_lens 'lengths' may vary"]),
    "lengths of floats": (
        lambda onnx, model: model.graph.node[0].input.__setitem__(4, "B"), ["sequence_lens has type"],
    ),
    "Elu": (extra("Elu"), ["'extra' (Elu)"]),
    "Softmax": (extra("Softmax", axis=0), ["'extra' (Softmax): is a softmax over the frames"]),
    "training": (extra("BatchNormalization"), ["'extra' (BatchNormalization)"]),
    "RNN": (lambda onnx, model: setattr(model.graph.node[0], "op_type", "RNN"), ["(RNN)", "at most 6"]),
    "no operator": (lambda onnx, m: setattr(m.graph.node[1], "op_type", "Nothing"), ["(Nothing)"]),
    "domain": (foreign_domain, ["'com.example'"]),
    "no nodes": (no_nodes, ["no nodes"]),
    "no inputs": (no_inputs, ["no inputs"]),
    "no outputs": (no_outputs, ["no output"]),
    "unknown output": (unknown_output, ["'elsewhere'"]),
    "order of nodes": (disordered, ["'squeeze' (Squeeze)", "'all' is made by no node"]),
    "huge": (huge, ["numbers, must be at most"]),
    "negative": (negative, ["shape (1, -24, 4)"]),
    "grows": (doubled, ["numbers, must be at most"]),
    "sequences and frames in one axis": (mixed, ["((batch*frames)//5)", "of batch and frames", "left out a reshape"]),
    "external data": (external, ["its weights are in the file", "not beside it"]),
    "over the batch": (other_axis, ["'second' (LSTM)", "another axis"]),
    "squeezes too much": (
        lambda onnx, m: initializer("axis", np.array([3]))(onnx, m), ["'squeeze' (Squeeze)", "6"],
    ),
}  # fmt: skip


@pytest.mark.onnx
@pytest.mark.parametrize("case", ONNX)
def test_onnx_models(tmp_path, capsys, case):
    onnx = onnx_module()
    change, parts = ONNX[case]
    model = recurrent_model("LSTM", INPUTS, HIDDEN)
    change(onnx, model)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    command = ["import", str(tmp_path / "m.onnx"), "-o", str(tmp_path / "out")]
    refuse(tmp_path, capsys, command, "m.onnx", *parts)


@pytest.mark.onnx
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_truncated_onnx_models(tmp_path, capsys, share):
    data = recurrent_model("LSTM", INPUTS, HIDDEN).SerializeToString()
    (tmp_path / "m.onnx").write_bytes(data[: int(share * len(data))])
    command = ["import", str(tmp_path / "m.onnx"), "-o", str(tmp_path / "out")]
    refuse(tmp_path, capsys, command, "m.onnx")


@pytest.mark.onnx
def test_linear_layers_that_are_none(tmp_path, capsys):
    make = onnx_module().helper.make_node
    cases = {
        "two signals": ([make("MatMul", ["x", "x"], ["y"], "square")], "'square' (MatMul)"),
        "bias first": ([make("Add", ["x", "b"], ["y"], "shift")], "no output that follows"),
        "bias": (
            [make("MatMul", ["x", "w"], ["p"], "m"), make("Add", ["p", "w"], ["y"], "shift")],
            "'shift' (Add): the bias has shape (4, 3)",
        ),
        "matrix": ([make("MatMul", ["x", "v"], ["y"], "m")], "shape (5, 3), must have 4 rows"),
        "transA": (
            [make("Gemm", ["x", "w"], ["y"], "g", transA=1)], "'g' (Gemm): transA",
        ),
    }  # fmt: skip
    constants = {"w": zeros(4, 3), "b": zeros(4), "v": zeros(5, 3)}
    for nodes, part in cases.values():
        model = onnx_model(nodes, {"x": ("t", "b", 4)}, ["y"], constants)
        (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
        command = ["import", str(tmp_path / "m.onnx"), "-o", str(tmp_path / "out")]
        refuse(tmp_path, capsys, command, "m.onnx", part)


@pytest.mark.onnx
def test_a_producer_that_is_no_text(tmp_path, capsys):
    """protobuf gives bytes for it; that was a traceback, of a model that is right and of one that is refused."""
    for without, code in (((), 0), (("R",), 2)):
        model = recurrent_model(without=without)
        model.producer_name = "producer"
        file, out = tmp_path / "m.onnx", tmp_path / "out"
        file.write_bytes(model.SerializeToString().replace(b"producer", b"pro\xffucer"))
        command = ["import", str(file), "-o", str(out)]
        if code:
            shutil.rmtree(out)
            refuse(tmp_path, capsys, command, "m.onnx")
        else:
            assert main(command) == 0
            capsys.readouterr()


@pytest.mark.onnx
def test_a_batch_that_becomes_frames_behind_one_frame(tmp_path, capsys):
    """A GRU over one frame, whose sequences the GRU behind it takes as frames: both ran over the same frames in the design."""
    make, rng = onnx_module().helper.make_node, np.random.default_rng(0)
    nodes = [
        make("GRU", ["x", "w", "r"], ["a"], "first", hidden_size=3),
        make("Squeeze", ["a", "one"], ["b"]),
        make("Reshape", ["b", "parted"], ["c"]),
        make("Reshape", ["c", "joined"], ["d"]),
        make("GRU", ["d", "v", "s"], ["e"], "second", hidden_size=3),
        make("Squeeze", ["e", "one"], ["y"]),
    ]
    constants = {"one": np.array([1]), "parted": np.array([1, 2, 1, 3]), "joined": np.array([-1, 1, 3])}  # fmt: skip
    for name, columns in (("w", 4), ("r", 3), ("v", 3), ("s", 3)):
        constants[name] = rng.standard_normal((1, 9, columns)).astype(np.float32)
    model = onnx_model(nodes, {"x": (1, "n", 4)}, ["y"], constants)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    command = ["import", str(tmp_path / "m.onnx"), "-o", str(tmp_path / "out")]
    refuse(
        tmp_path, capsys, command, "'second' (GRU): runs over another axis than the layer before"
    )


@pytest.mark.onnx
def test_a_size_of_the_exporters_sample_is_none_of_an_open_batch(tmp_path, capsys):
    """-1 of a Reshape, where the batch is open and the file states the sizes of a sample: frames and batch were taken for kept apart."""
    onnx, rng = onnx_module(), np.random.default_rng(0)
    make = onnx.helper.make_node
    nodes = [
        make("GRU", ["x", "w", "r"], ["a"], "first", hidden_size=3),
        make("Squeeze", ["a", "one"], ["b"]),
        make("Reshape", ["b", "shape"], ["c"], "mixing"),
        make("GRU", ["c", "v", "s"], ["d"], "second", hidden_size=3),
        make("Squeeze", ["d", "one"], ["y"]),
    ]
    constants = {"one": np.array([1]), "shape": np.array([-1, 3, 3])}
    for name in "wrvs":
        constants[name] = rng.standard_normal((1, 9, 3)).astype(np.float32)
    model = onnx_model(nodes, {"x": (3, "n", 3)}, ["y"], constants)
    sizes = onnx.helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, (3, 3, 3))
    model.graph.value_info.append(sizes)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    command = ["import", str(tmp_path / "m.onnx"), "-o", str(tmp_path / "out")]
    refuse(
        tmp_path, capsys, command, "'mixing' (Reshape)", "may mix frames, sequences and elements"
    )
