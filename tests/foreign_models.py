"""Models of PyTorch and ONNX for the tests of import and export."""

from __future__ import annotations

import warnings

import numpy as np
from tools import require_module

from ernn_myhdl.cli.main import main
from ernn_myhdl.golden.float_reference import FloatModel


def torch_module():
    return require_module("torch", "pip install 'ernn-myhdl[torch]'")


def onnx_module():
    onnx = require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    require_module("onnx.reference", "pip install 'ernn-myhdl[onnx]'")
    return onnx


def float_outputs(layers, x, block=1):
    """The float reference's y (frames, batch, outputs) of x (frames, batch, inputs) through dense layers."""
    sequences = [np.asarray(x[:, i], dtype=np.float64) for i in range(x.shape[1])]
    for layer in layers:
        cell = layer.cell({"block": block})
        model = FloatModel(cell, layer.circulant(cell))
        sequences = model.run(sequences, initial=[layer.initial or None] * len(sequences))
    return np.stack(sequences, axis=1)


def design_outputs(design, x, states=None):
    """The float reference's y of x through a design or network."""
    sequences = [np.asarray(x[:, i], dtype=np.float64) for i in range(x.shape[1])]
    for layer, state in zip(design.layers, states or [None] * len(design.layers), strict=True):
        model = FloatModel(layer.cell, layer.weights)
        sequences = model.run(sequences, initial=[state] * len(sequences))
    return np.stack(sequences, axis=1)


def torch_net(*modules, head=None):
    """A module that runs recurrent modules, named rnn0, rnn1, ..., and a linear head one after the other."""
    torch = torch_module()

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.names = [f"rnn{i}" for i in range(len(modules))]
            for name, module in zip(self.names, modules, strict=True):
                self.add_module(name, module)
            self.head = head

        def forward(self, x):
            for name in self.names:
                x, _ = getattr(self, name)(x)
            return x if self.head is None else self.head(x)

    return Net().eval()


def torch_outputs(net, x):
    torch = torch_module()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # projections are slow in torch
        y = net(torch.tensor(np.asarray(x, dtype=np.float32)))
    return (y[0] if isinstance(y, tuple) else y).numpy()


def save_torch(net, file):
    """The state dict as .pt or .safetensors, by the name of the file."""
    torch = torch_module()
    if file.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file({n: p.contiguous() for n, p in net.state_dict().items()}, file)
    else:
        torch.save(net.state_dict(), file)
    return file


def onnx_model(nodes, inputs, outputs, constants, opset=17, **options):
    """An ONNX model; inputs: name -> shape; outputs: names; constants: name -> array."""
    onnx = onnx_module()
    helper = onnx.helper
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in outputs],
        [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **options
    )


def recurrent_model(
    kind="LSTM", inputs=4, hidden=6, head=0, batch=2, seed=0, layout=0, without=(), nodes_after=(),
    input_shape=("frames", "batch", 4), **attributes,
):  # fmt: skip
    """An ONNX model x -> y of one node with all its constants but `without`, and a linear head."""
    onnx = onnx_module()
    rng = np.random.default_rng(seed)

    def random(*shape):
        return (0.5 * rng.standard_normal(shape)).astype(np.float32)

    gates = 4 if kind == "LSTM" else 3
    state = (batch, 1, hidden) if layout else (1, batch, hidden)
    constants = {
        "W": random(1, gates * hidden, inputs),
        "R": random(1, gates * hidden, hidden),
        "B": random(1, 2 * gates * hidden),
        "initial_h": np.broadcast_to(random(hidden), state).copy(),
    }
    if kind == "LSTM":
        constants["initial_c"] = np.broadcast_to(random(hidden), state).copy()
        constants["P"] = random(1, 3 * hidden)
    constants = {n: a for n, a in constants.items() if n not in without}
    names = ["W", "R", "B", "", "initial_h"] + (["initial_c", "P"] if kind == "LSTM" else [])
    names = ["x", *(n if n in constants else "" for n in names)]
    attributes = {"hidden_size": hidden, "layout": layout} | attributes
    constants["axis"] = np.array([2 if layout else 1])
    make = onnx.helper.make_node
    nodes = [
        make(kind, names, ["all"], "recurrent", **attributes),
        make("Squeeze", ["all", "axis"], ["each" if head else "y"], "squeeze"),
    ]
    if head:
        constants |= {"head_weight": random(hidden, head), "head_bias": random(head)}
        nodes += [
            make("MatMul", ["each", "head_weight"], ["product"], "product"),
            make("Add", ["product", "head_bias"], ["y"], "bias"),
        ]
    return onnx_model([*nodes, *nodes_after], {"x": input_shape}, ["y"], constants)


def onnx_outputs(model, x):
    from onnx.reference import ReferenceEvaluator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ReferenceEvaluator(model).run(None, {"x": np.asarray(x, dtype=np.float32)})[0]


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


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype=dtype)


def lstm_tensors(hidden=6, inputs=4, gates=4, prefix="rnn."):
    """Tensors of an nn.LSTM, or of one with another number of gates."""
    rng = np.random.default_rng(0)
    shapes = {
        "weight_ih_l0": (gates * hidden, inputs),
        "weight_hh_l0": (gates * hidden, hidden),
        "bias_ih_l0": (gates * hidden,),
        "bias_hh_l0": (gates * hidden,),
    }
    return {prefix + n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
