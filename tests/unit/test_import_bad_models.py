"""Models that are damaged or not supported: exit code 2, one line that names what is wrong, no output."""

import io
import json
import pickle
import struct
import sys
import zipfile

import numpy as np
import pytest
from foreign_models import onnx_model, onnx_module, recurrent_model, torch_module
from safetensors.numpy import save, save_file

from ernn_myhdl.cli.main import main

HIDDEN, INPUTS = 6, 4


def refuse(folder, capsys, command, *parts, code=2):
    """The command fails with one line that has all parts, and leaves nothing behind."""
    before = sorted(folder.rglob("*"))
    try:
        returned = main(command)
    except SystemExit as stop:
        returned = stop.code
    out, err = capsys.readouterr()
    assert returned == code, err
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    assert "Traceback" not in err
    for part in parts:
        assert part in err
    assert sorted(folder.rglob("*")) == before


def lstm(hidden=HIDDEN, inputs=INPUTS, gates=4, prefix="rnn."):
    rng = np.random.default_rng(0)
    shapes = {
        "weight_ih_l0": (gates * hidden, inputs),
        "weight_hh_l0": (gates * hidden, hidden),
        "bias_ih_l0": (gates * hidden,),
        "bias_hh_l0": (gates * hidden,),
    }
    return {prefix + n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}


def put(name, array):
    return lambda tensors: tensors | {name: array}


def drop(name):
    return lambda tensors: {n: a for n, a in tensors.items() if n != name}


def set_element(name, value):
    def change(tensors):
        tensors[name].flat[3] = value
        return tensors

    return change


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype=dtype)


TENSORS = {
    "nothing": (lambda t: {}, ["holds no tensors"]),
    "input weights missing": (drop("rnn.weight_ih_l0"), ["'rnn.weight_ih_l0' is missing"]),
    "recurrent weights missing": (drop("rnn.weight_hh_l0"), ["'rnn.weight_hh_l0' is missing"]),
    "one bias missing": (drop("rnn.bias_hh_l0"), ["'rnn.bias_hh_l0' is missing"]),
    "the other bias missing": (drop("rnn.bias_ih_l0"), ["'rnn.bias_ih_l0' is missing"]),
    "biases of one layer": (
        lambda t: t | {n.replace("l0", "l1"): a for n, a in lstm(inputs=6).items() if "weight" in n},
        ["'rnn.bias_ih_l1' is missing"],
    ),
    "projection of one layer": (
        lambda t: t | {"rnn.weight_hr_l0": zeros(6, 6)}
        | {n.replace("l0", "l1"): a for n, a in lstm(inputs=6).items()},
        ["'rnn.weight_hr_l1' is missing"],
    ),
    "not a number": (set_element("rnn.weight_ih_l0", np.nan), ["rnn.weight_ih_l0", "NaN"]),
    "infinity": (set_element("rnn.bias_hh_l0", np.inf), ["rnn.bias_hh_l0", "infinity"]),
    "beyond float32": (put("rnn.bias_ih_l0", np.full(24, 1e300)), ["rnn: bias", "float32"]),
    "integers": (put("rnn.weight_ih_l0", zeros(24, 4, dtype=np.int64)), ["rnn.weight_ih_l0", "I64"]),
    "bytes": (put("rnn.bias_ih_l0", zeros(24, dtype=np.uint8)), ["rnn.bias_ih_l0", "U8"]),
    "truth values": (put("rnn.bias_ih_l0", zeros(24, dtype=bool)), ["rnn.bias_ih_l0", "BOOL"]),
    "rows of a plain RNN": (
        lambda t: lstm(gates=1), ["rnn.weight_ih_l0", "6 rows for 6 cells", "nn.RNN"],
    ),
    "rows of no cell": (put("rnn.weight_ih_l0", zeros(23, 4)), ["rnn.weight_ih_l0", "23 rows"]),
    "recurrent rows": (put("rnn.weight_hh_l0", zeros(23, 6)), ["rnn.weight_hh_l0", "(24, 6)"]),
    "bias": (put("rnn.bias_ih_l0", zeros(23)), ["rnn.bias_ih_l0", "(23,)", "(24,)"]),
    "bias as a matrix": (put("rnn.bias_ih_l0", zeros(24, 1)), ["rnn.bias_ih_l0", "(24, 1)"]),
    "weights as a vector": (put("rnn.weight_ih_l0", zeros(96)), ["rnn.weight_ih_l0", "matrix"]),
    "three axes": (put("rnn.weight_hh_l0", zeros(24, 6, 1)), ["rnn.weight_hh_l0", "matrix"]),
    "no inputs": (put("rnn.weight_ih_l0", zeros(24, 0)), ["rnn.weight_ih_l0", "(24, 0)"]),
    "no cells": (put("rnn.weight_hh_l0", zeros(0, 0)), ["rnn.weight_hh_l0", "(0, 0)"]),
    "projection": (put("rnn.weight_hr_l0", zeros(3, 5)), ["rnn.weight_ih_l0", "24 rows for 5"]),
    "projection of a GRU": (
        lambda t: lstm(gates=3) | {"rnn.weight_hr_l0": zeros(3, 6)}, ["weight_hr_l0", "GRU"],
    ),
    "bidirectional": (
        lambda t: t | {n + "_reverse": a for n, a in t.items()},
        ["_l0_reverse'", "bidirectional", "--direction"],
    ),
    "layer left out": (
        lambda t: t | {n.replace("l0", "l2"): a for n, a in t.items()},
        ["'rnn.weight_ih_l1' is missing"],
    ),
    "layers that do not fit": (
        lambda t: t | {n.replace("l0", "l1"): a for n, a in t.items()},
        ["rnn.weight_ih_l1", "takes 4 inputs", "must be 6"],
    ),
    "head that does not fit": (
        put("head.weight", zeros(2, 7)), ["head (linear, 7 -> 2)", "rnn (lstm, 4 -> 6)", "fit"],
    ),
    "head without a matrix": (put("head.bias", zeros(2)), ["'head.weight' is missing"]),
    "norm": (put("norm.weight", zeros(6)), ["norm.weight", "must be a matrix"]),
    "batch norm": (put("norm.running_mean", zeros(6)), ["norm.running_mean", "no known layer"]),
    "convolution": (put("conv.weight", zeros(4, 4, 3)), ["conv.weight", "must be a matrix"]),
    "attention": (put("attn.in_proj_weight", zeros(12, 4)), ["attn.in_proj_weight"]),
    "embedding": (put("emb.weight", zeros(4, 3)), ["emb.weight", "embedding"]),
    "weight norm": (
        put("rnn.weight_ih_l0_raw", zeros(24, 4)), ["rnn.weight_ih_l0_raw", "no known layer"],
    ),
    "linear among the gates": (put("rnn.weight", zeros(2, 6)), ["rnn.weight", "no known layer"]),
    "two that fit in two orders": (
        lambda t: lstm(inputs=6) | lstm(inputs=6, prefix="other."), ["several orders", "--order"],
    ),
    "too many modules": (
        lambda t: {n: a for i in range(9) for n, a in lstm(2, 2, prefix=f"m{i}.").items()},
        ["too many", "--order"],
    ),
    "too many cells": (
        lambda t: {"weight_ih_l0": zeros(65537 * 3, 1), "weight_hh_l0": zeros(65537 * 3, 1),
                   "weight_hr_l0": zeros(1, 65537)}, ["weight_hr_l0", "GRU"],
    ),
    "too many inputs": (put("rnn.weight_ih_l0", zeros(24, 65537)), ["inputs = 65537", "65536"]),
}  # fmt: skip


@pytest.mark.parametrize("case", TENSORS)
def test_state_dicts(tmp_path, capsys, case):
    change, parts = TENSORS[case]
    save_file(change(lstm()), tmp_path / "m.safetensors")
    command = ["import", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "out")]
    refuse(tmp_path, capsys, command, "m.safetensors" if "inputs" not in case else "", *parts)


def header(text, data=b""):
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


class Code:
    """Would make a folder when it is unpickled."""

    def __reduce__(self):
        import os

        return os.mkdir, ("harm",)


def archive(size):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data/0", bytes(size))
    return stream.getvalue()


HUGE = {"a": {"dtype": "F32", "shape": [1 << 40, 1 << 20], "data_offsets": [0, 4]}}
WRONG = {"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}
FILES = {
    "empty.safetensors": (lambda: b"", ["is empty"]),
    "empty.pt": (lambda: b"", ["is empty"]),
    "empty.onnx": (lambda: b"", ["is empty"]),
    "text.safetensors": (lambda: b"no model at all", ["safetensors"]),
    "text.pt": (lambda: b"no model at all", ["torch.save"]),
    "text.onnx": (lambda: b"no model at all", ["ONNX"]),
    "zeros.safetensors": (lambda: bytes(100), ["safetensors"]),
    "zeros.pt": (lambda: bytes(100), ["torch.save"]),
    "zeros.onnx": (lambda: bytes(100), ["ONNX"]),
    "truncated.safetensors": (lambda: save(lstm())[:-10], ["truncated"]),
    "header.safetensors": (lambda: save(lstm())[:50], ["truncated"]),
    "long_header.safetensors": (lambda: b"\xff" * 8 + b"{}", ["safetensors"]),
    "huge.safetensors": (lambda: header(json.dumps(HUGE), bytes(4)), ["safetensors"]),
    "type.safetensors": (lambda: header(json.dumps(WRONG), bytes(4)), ["safetensors"]),
    "pickle.safetensors": (lambda: pickle.dumps(Code()), ["safetensors"]),
    "code.pt": (lambda: pickle.dumps(Code()), ["its code is not run"]),
    "zip.pt": (lambda: b"PK\x03\x04broken", ["torch.save"]),
    "other_zip.pt": (lambda: archive(100), ["torch.save"]),
    "bomb.pt": (lambda: archive(1 << 31), ["unpacks to"]),
    "model.txt": (lambda: save(lstm()), [".safetensors, .pt, .pth or .onnx"]),
    "model": (lambda: save(lstm()), [".safetensors, .pt, .pth or .onnx"]),
    "model.npz": (lambda: save(lstm()), [".safetensors, .pt, .pth or .onnx"]),
    "tensors.pt": (lambda: save(lstm()), ["torch.save"]),
    "tensors.onnx": (lambda: save(lstm()), ["ONNX"]),
}


@pytest.mark.parametrize("name", FILES)
def test_files(tmp_path, capsys, monkeypatch, name):
    if name.endswith(".pt"):
        torch_module()
    elif name.endswith(".onnx"):
        onnx_module()
    monkeypatch.chdir(tmp_path)
    make, parts = FILES[name]
    (tmp_path / name).write_bytes(make())
    refuse(tmp_path, capsys, ["import", name, "-o", "out"], name, *parts)


def test_no_file(tmp_path, capsys):
    out = str(tmp_path / "out")
    missing = str(tmp_path / "none.pt")
    refuse(tmp_path, capsys, ["import", missing, "-o", out], "none.pt", "does not exist")
    (tmp_path / "folder.onnx").mkdir()
    folder = str(tmp_path / "folder.onnx")
    refuse(tmp_path, capsys, ["import", folder, "-o", out], "folder.onnx", "is a folder")


PT = {
    "module": (lambda torch: torch.nn.LSTM(4, 6), ["its code is not run"]),
    "pickle with code": (lambda torch: {"a": Code()}, ["its code is not run"]),
    "tensor": (lambda torch: torch.zeros(3), ["holds Tensor", "state dict"]),
    "list": (lambda torch: [torch.zeros(3)], ["holds list", "state dict"]),
    "number": (lambda torch: 3, ["holds int"]),
    "empty": (lambda torch: {}, ["holds dict", "state dict"]),
    "no state dict inside": (lambda torch: {"epoch": 3}, ["holds dict", "'model_state_dict'"]),
    "two inside": (
        lambda torch: {n: {"w": torch.zeros(3)} for n in ("model", "state_dict")}, ["holds dict"],
    ),
    "names that are numbers": (lambda torch: {1: torch.zeros(3)}, ["holds dict"]),
    "integers": (lambda torch: {"rnn.weight_ih_l0": torch.zeros(3, 4).long()}, ["torch.int64"]),
    "complex": (lambda torch: {"w": torch.zeros(3, dtype=torch.complex64)}, ["torch.complex64"]),
    "sparse": (lambda torch: {"w": torch.eye(3).to_sparse()}, ["'w'"]),
    "absurd size": (lambda torch: {"w": torch.zeros(1).expand(10**6, 10**6)}, ["1000000000000"]),
}  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize("case", PT)
def test_pt_files(tmp_path, capsys, monkeypatch, case):
    torch = torch_module()
    monkeypatch.chdir(tmp_path)
    make, parts = PT[case]
    torch.save(make(torch), tmp_path / "m.pt")
    refuse(tmp_path, capsys, ["import", "m.pt", "-o", "out"], "m.pt", *parts)


@pytest.mark.torch
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_pt_files(tmp_path, capsys, share):
    torch = torch_module()
    stream = io.BytesIO()
    torch.save({n: torch.tensor(a) for n, a in lstm().items()}, stream)
    data = stream.getvalue()
    (tmp_path / "m.pt").write_bytes(data[: int(share * len(data))])
    command = ["import", str(tmp_path / "m.pt"), "-o", str(tmp_path / "out")]
    refuse(tmp_path, capsys, command, "m.pt", "torch.save")


# ONNX


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
    "lengths at run time": (lengths_as_input, ["sequence_lens 'lengths' may vary"]),
    "lengths of floats": (
        lambda onnx, model: model.graph.node[0].input.__setitem__(4, "B"), ["sequence_lens has type"],
    ),
    "Relu": (extra("Relu"), ["'extra' (Relu)"]),
    "Softmax": (extra("Softmax", axis=-1), ["'extra' (Softmax)"]),
    "training": (extra("BatchNormalization"), ["'extra' (BatchNormalization)"]),
    "RNN": (lambda onnx, model: setattr(model.graph.node[0], "op_type", "RNN"), ["(RNN)"]),
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
    "external data": (external, ["external data"]),
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
        "bias first": ([make("Add", ["x", "b"], ["y"], "shift")], "'shift' (Add)"),
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


# options


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ("--block 3", ["block = 3", "power of two"]),
        ("--block 64", ["block = 64"]),
        ("--block 8,8", ["--block: 2 numbers for 1 layers"]),
        ("--block x", ["--block", "whole number"]),
        ("--word 2", ["word = 2", "4 to 32"]),
        ("--word 99", ["word = 99"]),
        ("--word 32 --state-word 99", ["state_word = 99"]),
        ("--lanes 0", ["lanes = 0"]),
        ("--lanes 500", ["lanes = 500", "at most 4"]),
        ("--streams 3", ["streams = 3", "power of two"]),
        ("--name 4x", ["name = '4x'"]),
        ("--order a,b", ["'a', which is no module", "rnn"]),
        ("--direction backward", ["not bidirectional"]),
        ("--direction up", ["--direction"]),
        ("--calibration none.npy", ["none.npy", "does not exist"]),
        ("--calibration m.safetensors", ["cannot be read"]),
        ("--calibration wide.npy", ["5 elements", "must be 4"]),
        ("--hidden 5", ["--hidden"]),
    ],
)
def test_options(tmp_path, capsys, monkeypatch, options, parts):
    monkeypatch.chdir(tmp_path)
    save_file(lstm(), tmp_path / "m.safetensors")
    np.save(tmp_path / "wide.npy", np.zeros((3, 5)))
    command = ["import", "m.safetensors", "-o", "out", *options.split()]
    refuse(tmp_path, capsys, command, *parts)


def test_outputs_that_exist(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_file(lstm(), tmp_path / "m.safetensors")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    refuse(tmp_path, capsys, ["import", "m.safetensors", "-o", "out"], "exists", "--force")
    command = ["import", "m.safetensors", "-o", "out", "--force"]
    refuse(tmp_path, capsys, command, "was not made by this command")


@pytest.mark.parametrize(
    ("package", "file", "extra_name"), [("torch", "m.pt", "torch"), ("onnx", "m.onnx", "onnx")]
)
def test_packages_that_are_missing(tmp_path, capsys, monkeypatch, package, file, extra_name):
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / file).write_bytes(b"some model")
    command = ["import", str(tmp_path / file), "-o", str(tmp_path / "out")]
    part = f"pip install 'ernn-myhdl[{extra_name}]'"
    refuse(tmp_path, capsys, command, part, code=3)
